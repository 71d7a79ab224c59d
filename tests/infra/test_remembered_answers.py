"""A payee, a socket, a kind of trip or a way is asked about once, on the real store."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.footprint.model import Activity, ActivityStatus
from domain.footprint.purchase_draft import DIESEL
from domain.footprint.records import Journey, Position, TravelMode
from infra.postgres.connection import Database
from tests.conftest import TestDatabase
from tests.domain.footprint.test_record_checks import START, charge, journey, purchase
from tests.infra.test_answers import CONFIRM, DISCARD, OWNER, Desk, choose

HAIR = "spend.naics.812112"
CLOTHES = "spend.naics.315280"
BUS, PETROL = "transport.bus.local_average", "transport.car.petrol.average"
HOME, WORK = (Decimal("51.50"), Decimal("-0.12")), (Decimal("51.50"), Decimal("0.02"))
AGAIN = "Counted as you answered before."


def rides(
    *days: int, start: tuple[Decimal, Decimal] = HOME, end: tuple[Decimal, Decimal] = WORK, metres: int = 10_000
) -> list[Journey]:
    """The same way on these days, of a mode that the phone does not know."""
    return [
        journey(
            record=f"{day} {start} {end}",
            mode=TravelMode.MOTORISED,
            metres=Decimal(metres),
            start=START + timedelta(days=day),
            end=START + timedelta(days=day, minutes=25),
            track=(Position(None, *start), Position(None, *end)),
        )
        for day in days
    ]


@pytest.fixture
async def desk(database: TestDatabase) -> AsyncIterator[Desk]:
    opened = await Database.open(database.app_url)
    yield Desk(opened)
    await opened.close()


async def states(desk: Desk) -> list[tuple[str, ActivityStatus]]:
    return sorted((item.activity, item.status) for item in await desk.all())


async def counted(desk: Desk) -> list[Activity]:
    return [item for item in await desk.all() if item.status is ActivityStatus.COUNTED]


async def test_one_answer_settles_all_of_the_payee_and_those_to_come(desk: Desk) -> None:
    known = purchase(record="0", mcc=None, payee="Tesco 12")
    await desk.send(known, *(purchase(record=str(number), mcc=None, payee=f"ANON {number}") for number in (1, 2, 3)))
    waiting = await desk.waiting()
    assert len(waiting) == 3
    await desk.say(waiting[0], choose(HAIR))
    assert await desk.waiting() == []
    await desk.send(purchase(record="9", mcc=None, payee="ANON 9"))
    assert [item.activity for item in await counted(desk)].count(HAIR) == 4
    assert await desk.total() == sum(item.emissions for item in await counted(desk))
    [later] = [item for item in await counted(desk) if "Counted as you answered before." in item.explanation.caveats]
    assert later.activity == HAIR


async def test_what_was_discarded_stays_out(desk: Desk) -> None:
    await desk.send(purchase(record="1", mcc=None, payee="ANON"), purchase(record="2", mcc=None, payee="ANON"))
    await desk.say((await desk.waiting())[0], DISCARD)
    job = await desk.send(purchase(record="3", mcc=None, payee="ANON"))
    assert (job.records_imported, await desk.waiting(), await counted(desk)) == (1, [], [])
    assert await desk.total() == 0


async def test_a_correction_of_what_was_counted_holds_from_then_on(desk: Desk) -> None:
    await desk.send(purchase(record="1", mcc=None, payee="Tesco 1"), purchase(record="2", mcc=None, payee="Tesco 2"))
    [first, _second] = await counted(desk)
    await desk.say(first, choose(CLOTHES))
    await desk.send(purchase(record="3", mcc=None, payee="Tesco 3"))
    assert sorted(item.activity for item in await counted(desk)) == ["spend.naics.311999", CLOTHES, CLOTHES]


async def test_to_discard_one_that_was_counted_says_nothing_of_the_others(desk: Desk) -> None:
    await desk.send(purchase(record="1"))
    await desk.say((await counted(desk))[0], DISCARD)
    await desk.send(purchase(record="2"))
    assert len(await counted(desk)) == 1


async def test_fuel_is_asked_once(desk: Desk) -> None:
    fills = [purchase(record=str(number), mcc="5541", payee=f"STATION {number}") for number in range(3)]
    await desk.send(*fills[:2])
    await desk.say((await desk.waiting())[0], choose(DIESEL))
    await desk.send(fills[2])
    assert [(item.activity, item.status) for item in await counted(desk)] == [(DIESEL, ActivityStatus.COUNTED)] * 3


async def test_a_socket_is_asked_once(desk: Desk) -> None:
    sessions = [
        charge(record=str(number), at_home=None, socket=socket, start=start, end=start + timedelta(minutes=30))
        for number, socket in enumerate(["A", "A", "B", "A", "B"])
        for start in [charge().start + timedelta(hours=number)]
    ]
    await desk.send(*sessions[:3])
    [at_b, *at_a] = sorted(await desk.waiting(), key=lambda item: item.started_at, reverse=True)
    await desk.say(at_a[0], DISCARD)
    assert await desk.waiting() == [at_b]
    await desk.say(at_b, CONFIRM)
    await desk.send(*sessions[3:])
    assert (len(await counted(desk)), await desk.waiting()) == (2, [])


async def test_another_person_is_asked(desk: Desk) -> None:
    await desk.send(purchase(record="1", mcc=None, payee="ANON"))
    await desk.say((await desk.waiting())[0], choose(HAIR))
    row = await desk.database.pool.fetchrow("SELECT owner, topic, answer FROM remembered_answer")
    assert tuple(row) == (OWNER, "payee anon", HAIR)


async def test_a_large_sum_is_asked_although_the_payee_is_known(desk: Desk) -> None:
    small = purchase(record="1", mcc=None, payee="ANON")
    await desk.send(small)
    await desk.say((await desk.waiting())[0], choose(HAIR))
    await desk.send(replace(small, record="2", amount=Decimal(50_000)))
    assert len(await desk.waiting()) == 1


async def test_the_same_payment_in_another_file_is_asked_about(desk: Desk) -> None:
    await desk.send(purchase(record="1", payee="TESCO STORES 2041"))
    await desk.send(
        purchase(source="csv", record="a", payee="Tesco"),
        purchase(source="csv", record="b", payee="Tesco", amount=Decimal("41.08")),
    )
    assert len(await counted(desk)) == 2
    [twin] = await desk.waiting()
    assert twin.reason.startswith("Another account or file has a payment of this day and sum.")
    await desk.say(twin, DISCARD)
    await desk.send(purchase(source="csv", record="c", payee="Tesco", amount=Decimal(3)))
    assert (len(await counted(desk)), await desk.waiting()) == (3, [])


async def test_the_same_charge_in_another_file_is_asked_about(desk: Desk) -> None:
    first = charge(source="operator")
    await desk.send(first)
    minute = timedelta(minutes=1)
    same = replace(first, source="socket", record="9", start=first.start + minute, kwh=Decimal("22.7"))
    other = replace(first, source="socket", record="10", kwh=Decimal("30"))
    after = replace(first, source="socket", record="11", start=first.end, end=first.end + 60 * minute)
    await desk.send(same, other, after)
    assert len(await counted(desk)) == 3
    [twin] = await desk.waiting()
    assert (twin.quantity, twin.reason) == (
        Decimal("22.7"),
        "Another file has as much energy at this time. Discard this one if it is the same.",
    )


async def test_two_accounts_within_one_file_are_two(desk: Desk) -> None:
    await desk.send(purchase(source="one"), purchase(source="two"))
    assert len(await counted(desk)) == 2


async def test_what_is_merely_odd_waits_for_an_answer_of_its_own(desk: Desk) -> None:
    await desk.send(*(purchase(record=str(number), payee="ANON", amount=Decimal(10)) for number in range(8)))
    await desk.send(purchase(record="odd", payee="ANON", amount=Decimal(900)))
    [odd] = await desk.waiting()
    await desk.send(purchase(record="asked", payee="ANON", mcc=None, amount=Decimal(11)))
    asked = next(item for item in await desk.waiting() if item.id != odd.id)
    await desk.say(asked, choose(HAIR))
    assert await desk.waiting() == [odd]


async def test_one_answer_settles_all_of_a_way_and_those_to_come(desk: Desk) -> None:
    await desk.send(*rides(0, 1, 2))
    asked = await desk.waiting()
    assert len(asked) == 3
    assert asked[0].reason == (
        "Was this a car, a bus or a train? Discard it if you walked or cycled. "
        "Your answer settles this way wherever it waits; what you choose holds for later journeys too."
    )
    await desk.say(asked[0], choose(BUS))
    assert await desk.waiting() == []
    await desk.send(*rides(7))
    [later] = [item for item in await counted(desk) if AGAIN in item.explanation.caveats]
    assert (later.activity, later.unit, later.local_date) == (BUS, "passenger_km", (START + timedelta(days=7)).date())
    assert [(item.activity, item.emissions) for item in await counted(desk)] == [(BUS, later.emissions)] * 4
    assert await desk.total() == 4 * later.emissions


async def test_who_shared_the_way_holds_with_the_answer(desk: Desk) -> None:
    await desk.send(*rides(0, 1))
    await desk.say((await desk.waiting())[0], choose(PETROL, 2))
    await desk.send(*rides(7))
    assert [(item.activity, item.shared_by) for item in await counted(desk)] == [(PETROL, 2)] * 3


@pytest.mark.parametrize(
    "other",
    [rides(7, start=WORK, end=HOME), rides(7, end=(Decimal("51.50"), Decimal("0.03")))],
    ids=["the way back", "to somewhere else"],
)
async def test_another_way_is_asked(desk: Desk, other: list[Journey]) -> None:
    await desk.send(*rides(0))
    await desk.say((await desk.waiting())[0], choose(BUS))
    await desk.send(*other)
    assert len(await desk.waiting()) == 1


async def test_tours_and_journeys_without_a_place_are_asked_each(desk: Desk) -> None:
    near = (Decimal("51.50"), Decimal("-0.121"))
    tours = rides(0, 1, end=near)
    placeless = [replace(ride, record=f"bare {ride.record}", track=()) for ride in rides(2, 3)]
    await desk.send(*tours, *placeless)
    for left in (3, 2, 1):
        await desk.say((await desk.waiting())[0], choose(BUS))
        assert len(await desk.waiting()) == left


async def test_a_way_that_was_walked_once_is_asked_again(desk: Desk) -> None:
    await desk.send(*rides(0, 1))
    await desk.say((await desk.waiting())[0], DISCARD)
    assert await desk.waiting() == []
    await desk.send(*rides(7))
    assert len(await desk.waiting()) == 1


async def test_a_later_answer_about_a_way_takes_the_place_of_the_first(desk: Desk) -> None:
    await desk.send(*rides(0))
    await desk.say((await desk.waiting())[0], choose(BUS))
    await desk.send(*rides(1))
    [default] = [item for item in await counted(desk) if AGAIN in item.explanation.caveats]
    await desk.say(default, choose(PETROL))
    await desk.send(*rides(2))
    assert sorted(item.activity for item in await counted(desk)) == [BUS, PETROL, PETROL]


async def test_a_journey_at_the_time_of_another_is_asked_although_its_way_is_known(desk: Desk) -> None:
    await desk.send(*rides(0))
    await desk.say((await desk.waiting())[0], choose(BUS))
    await desk.send(replace(rides(0)[0], record="twice"))
    assert len(await desk.waiting()) == 1


async def test_a_way_begins_and_ends_where_a_phone_says_within_200_metres(desk: Desk) -> None:
    near = rides(1, start=(HOME[0] + Decimal("0.0003"), HOME[1] + Decimal("0.0005")))
    await desk.send(*rides(0), *near)
    await desk.say((await desk.waiting())[0], choose(BUS))
    assert await desk.waiting() == []


async def test_where_a_way_goes_is_not_kept(desk: Desk) -> None:
    await desk.send(replace(rides(0)[0], record="1"))
    row = await desk.database.pool.fetchrow("SELECT topic, payload FROM captured_record")
    assert row["topic"].startswith("way ")
    assert len(row["topic"]) == 36
    assert "51.5" not in row["topic"] + row["payload"]
