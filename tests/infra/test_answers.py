"""What is asked, and what an answer does: by hand, from files and from meters, on the real store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import orjson
import pytest

from domain.errors import InvalidInput, NotFound
from domain.footprint.captured import CapturedRecord
from domain.footprint.checks import Item, judge
from domain.footprint.model import (
    Activity,
    ActivityAnswer,
    ActivityDraft,
    ActivityResolution,
    ActivitySource,
    ActivityStatus,
    Direction,
    ImportJob,
    ImportStatus,
    Reading,
)
from domain.footprint.records import TravelMode
from domain.footprint.resolution import resolve_activity
from domain.footprint.service import record_activities
from domain.ids import new_id
from infra.capture.messages import meter_row, meter_values
from infra.postgres.answers import PostgresAnswers
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.import_recorder import ImportRecorder
from infra.postgres.imports import PostgresImports
from tests.conftest import TestDatabase
from tests.domain.footprint.test_record_checks import NOW, START, charge, journey, purchase

OWNER = 1_000
HOUR = timedelta(hours=1)
LATER = START + HOUR
CAR = "transport.car.unknown.average"
CONFIRM = ActivityAnswer(ActivityResolution.CONFIRM)
DISCARD = ActivityAnswer(ActivityResolution.DISCARD)


def choose(activity: str | None = None, shared_by: int | None = None) -> ActivityAnswer:
    return ActivityAnswer(ActivityResolution.CHOOSE, activity, shared_by)


class Desk:
    """One person with files, entries by hand, questions and answers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.factors = PostgresFactors(database)
        self.footprint = PostgresFootprint(database)
        self.answers = PostgresAnswers(database)
        self.imports = PostgresImports(database)

    async def send(self, *items: Item, time_zone: str = "UTC") -> ImportJob:
        """A file that was read already, of somebody who lives in this zone."""
        verdict = judge(items, NOW, "GB")
        job = ImportJob(new_id(datetime.now(UTC)), OWNER, "TEST", ImportStatus.RUNNING, verdict.read)
        await self.imports.add(job, path="", filename="", region="GB", time_zone=time_zone, now=NOW)  # type: ignore[arg-type]

        async def batches() -> AsyncIterator[Any]:
            rows = [meter_row(orjson.loads(orjson.dumps(row))) for row in meter_values(verdict, ZoneInfo(time_zone))]
            if rows:
                yield rows
            if verdict.captured:
                yield verdict.captured

        recorder = ImportRecorder(self.database)
        return await recorder.record(job, [], batches(), region="GB", time_zone=time_zone, now=NOW)

    async def enter(self, *quantities: str, **fields: Any) -> list[Activity]:
        values: dict[str, Any] = {"activity": CAR, "unit": "km", "started_at": START}
        drafts = [ActivityDraft(str(uuid4()), quantity=quantity, **(values | fields)) for quantity in quantities]
        results = await record_activities(
            self.factors, self.footprint, owner=OWNER, region="GB", time_zone="UTC", drafts=drafts, now=NOW
        )
        assert all(isinstance(result, Activity) for result in results), results
        return [result for result in results if isinstance(result, Activity)]

    async def say(self, activity: Activity | UUID, answer: ActivityAnswer, owner: int = OWNER) -> Activity:
        activity_id = activity.id if isinstance(activity, Activity) else activity
        return await resolve_activity(
            self.factors,
            self.footprint,
            self.answers,
            owner=owner,
            region="GB",
            activity_id=activity_id,
            answer=answer,
            now=NOW,
        )

    async def all(self) -> list[Activity]:
        return await self.footprint.activities(OWNER, None, 100, None, None)

    async def waiting(self) -> list[Activity]:
        return [activity for activity in await self.all() if activity.status is ActivityStatus.QUARANTINED]

    async def total(self) -> int:
        """Of the summary, which is what the counted activities say."""
        grams = await self.database.pool.fetchval(
            "SELECT coalesce(sum(emissions), 0)::bigint FROM activity WHERE owner = $1 AND status = 'COUNTED'", OWNER
        )
        summary = await self.footprint.summary(OWNER, date(2026, 1, 1), date(2026, 12, 31))
        assert summary.total == grams
        return int(grams)


@pytest.fixture
async def desk(database: TestDatabase) -> AsyncIterator[Desk]:
    opened = await Database.open(database.app_url)
    yield Desk(opened)
    await opened.close()


def strong_meter(kwh: int = 150) -> Reading:
    return Reading("m", "E1", START, START + timedelta(hours=1), Decimal(kwh), "kWh", Direction.IMPORT)


# ---------------------------------------------------------------- what is asked


async def test_ordinary_entries_count_at_once(desk: Desk) -> None:
    items = await desk.enter(*(["10"] * 20), "49", ended_at=START + timedelta(hours=1))
    assert {item.status for item in items} == {ActivityStatus.COUNTED}


async def test_far_from_habit_waits(desk: Desk) -> None:
    *_usual, odd = await desk.enter(*(["10"] * 8), "60")
    assert odd.status is ActivityStatus.QUARANTINED
    assert "far more than what you usually have" in odd.reason
    [later] = await desk.enter("60")
    assert later.status is ActivityStatus.QUARANTINED
    assert await desk.waiting() == sorted([odd, later], key=lambda item: item.id, reverse=True)


async def test_another_persons_habit_is_not_mine(desk: Desk) -> None:
    await desk.enter(*(["10"] * 8))
    results = await record_activities(
        desk.factors,
        desk.footprint,
        owner=OWNER + 1,
        region="GB",
        time_zone="UTC",
        drafts=[ActivityDraft(str(uuid4()), CAR, "60", "km", START)],
        now=NOW,
    )
    assert [result.status for result in results if isinstance(result, Activity)] == [ActivityStatus.COUNTED]


async def test_a_confirmed_one_teaches(desk: Desk) -> None:
    *_usual, odd = await desk.enter(*(["10"] * 8), "60")
    confirmed = await desk.say(odd, CONFIRM)
    assert (confirmed.status, confirmed.reason) == (ActivityStatus.COUNTED, "")
    similar, larger = await desk.enter("80", "90")
    assert (similar.status, larger.status) == (ActivityStatus.COUNTED, ActivityStatus.QUARANTINED)


async def test_too_fast_waits(desk: Desk) -> None:
    [odd] = await desk.enter("5000", ended_at=START + timedelta(hours=1))
    assert odd.status is ActivityStatus.QUARANTINED
    assert "faster than this goes" in odd.reason
    assert await desk.total() == 0


async def test_two_journeys_at_one_time(desk: Desk) -> None:
    await desk.send(journey())
    half_past = START + timedelta(minutes=20)
    await desk.send(journey(source="watch", start=half_past, end=half_past + timedelta(hours=1)))
    [odd] = await desk.waiting()
    assert "on another journey already" in odd.reason
    assert odd.started_at == half_past


async def test_two_journeys_at_one_time_within_a_file(desk: Desk) -> None:
    elsewhere = journey(record="2", metres=Decimal(2_000))
    await desk.send(journey(), elsewhere, journey(record="3", start=LATER, end=LATER + HOUR))
    assert len(await desk.waiting()) == 1


async def test_a_phone_that_was_elsewhere(desk: Desk) -> None:
    end = START + timedelta(hours=1)
    by_hand = await desk.enter("30", "30", ended_at=end)
    assert {item.status for item in by_hand} == {ActivityStatus.COUNTED}
    [followed] = await desk.enter("30", ended_at=end, source=ActivitySource.PHONE)
    assert followed.status is ActivityStatus.QUARANTINED


async def test_a_meter_above_its_connection(desk: Desk) -> None:
    await desk.send(strong_meter())
    [odd] = await desk.waiting()
    assert "above 100 kW" in odd.reason
    await desk.say(odd, CONFIRM)
    await desk.send(Reading("m", "E1", NOW - timedelta(hours=2), NOW, Decimal(220), "kWh", Direction.IMPORT))
    assert await desk.waiting() == []


# ---------------------------------------------------------------- what an answer does


@pytest.mark.parametrize(
    "record",
    [journey(end=START + timedelta(minutes=3)), charge(at_home=None), strong_meter()],
)
async def test_confirming_reverses_and_replaces(desk: Desk, record: CapturedRecord | Reading) -> None:
    await desk.send(record)
    [odd] = await desk.waiting()
    confirmed = await desk.say(odd, CONFIRM)
    assert (confirmed.status, confirmed.emissions, confirmed.explanation) == (
        ActivityStatus.COUNTED,
        odd.emissions,
        odd.explanation,
    )
    before = await desk.footprint.activity(OWNER, odd.id)
    assert before is not None
    assert (before.status, before.adjusted_by) == (ActivityStatus.REVERSED, confirmed.id)
    assert confirmed.adjusts == odd.id
    assert await desk.total() == odd.emissions
    again = await desk.send(record)
    assert (again.records_imported, again.records_duplicate, again.emissions) == (0, 1, 0)
    assert await desk.total() == odd.emissions


@pytest.mark.parametrize(
    "record", [journey(mode=TravelMode.MOTORISED), charge(at_home=None), strong_meter(), purchase()]
)
async def test_discarding_leaves_nothing_to_count(desk: Desk, record: CapturedRecord | Reading) -> None:
    await desk.send(record)
    [item] = await desk.all()
    discarded = await desk.say(item, DISCARD)
    assert (discarded.id, discarded.status) == (item.id, ActivityStatus.REVERSED)
    assert await desk.say(item, DISCARD) == await desk.footprint.activity(OWNER, item.id)
    await desk.send(record)
    assert await desk.total() == 0
    assert len(await desk.all()) == 1


async def test_choosing_recalculates(desk: Desk) -> None:
    await desk.send(journey(mode=TravelMode.MOTORISED))
    [asked] = await desk.waiting()
    bus = next(choice for choice in asked.choices if "bus" in choice)
    with pytest.raises(InvalidInput, match="Choose one of"):
        await desk.say(asked, CONFIRM)
    with pytest.raises(InvalidInput, match="none of the choices"):
        await desk.say(asked, choose("transport.ferry.average"))
    with pytest.raises(InvalidInput, match="Choose one of"):
        await desk.say(asked, choose(shared_by=2))
    with pytest.raises(InvalidInput, match="cannot be shared"):
        await desk.say(asked, choose(bus, 2))
    chosen = await desk.say(asked, choose(bus))
    assert (chosen.activity, chosen.unit, chosen.status) == (bus, "passenger_km", ActivityStatus.COUNTED)
    assert chosen.emissions == round(30 * chosen.explanation.factor_kg_per_unit * 1000) == await desk.total()


async def test_a_ride_is_shared_afterwards(desk: Desk) -> None:
    await desk.send(journey())
    [alone] = await desk.all()
    shared = await desk.say(alone, choose(shared_by=3))
    assert shared.emissions == round(30 * shared.explanation.factor_kg_per_unit * 1000 / 3) == await desk.total()
    with_two = await desk.say(shared, choose(shared_by=2))
    assert with_two.emissions == round(30 * shared.explanation.factor_kg_per_unit * 1000 / 2) == await desk.total()


async def test_the_same_answer_again_is_the_same_result(desk: Desk) -> None:
    [odd] = await desk.enter("5000", ended_at=START + timedelta(hours=1))
    results = await asyncio.gather(*(desk.say(odd, CONFIRM) for _ in range(8)))
    assert len({result.id for result in results}) == 1
    assert await desk.total() == odd.emissions
    with pytest.raises(InvalidInput, match="does not count any more"):
        await desk.say(odd, DISCARD)
    assert await desk.say(results[0], CONFIRM) == results[0]


async def test_another_persons_activity_is_not_there(desk: Desk) -> None:
    [odd] = await desk.enter("5000", ended_at=START + timedelta(hours=1))
    with pytest.raises(NotFound):
        await desk.say(odd, CONFIRM, owner=OWNER + 1)
    with pytest.raises(NotFound):
        await desk.say(uuid4(), CONFIRM)
    assert await desk.waiting() == [odd]


async def test_a_counted_meter_day_stays(desk: Desk) -> None:
    await desk.send(strong_meter(50))
    [day] = await desk.all()
    assert await desk.say(day, CONFIRM) == day
    for answer in (DISCARD, choose(shared_by=2)):
        with pytest.raises(InvalidInput, match="What a meter counted"):
            await desk.say(day, answer)


async def test_a_changed_record_asks_again(desk: Desk) -> None:
    await desk.send(journey(mode=TravelMode.MOTORISED))
    [asked] = await desk.waiting()
    await desk.say(asked, choose(asked.choices[0]))
    await desk.send(journey(mode=TravelMode.BUS))
    [odd] = await desk.waiting()
    assert "changed a record that you had answered" in odd.reason
    assert await desk.total() == 0
    await desk.say(odd, CONFIRM)
    assert await desk.total() == odd.emissions


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (ActivityAnswer(ActivityResolution.CONFIRM, CAR), "activity"),
        (ActivityAnswer(ActivityResolution.DISCARD, None, 2), "sharedBy"),
        (choose(), "activity"),
        (choose("no\x00factor"), "activity"),
        (choose(CAR, 0), "sharedBy"),
        (choose(CAR, 1_001), "sharedBy"),
        (choose("energy.electricity.grid"), "unit"),
    ],
)
async def test_an_answer_that_does_not_fit(desk: Desk, answer: ActivityAnswer, field: str) -> None:
    [odd] = await desk.enter("5000", ended_at=START + timedelta(hours=1))
    with pytest.raises(InvalidInput) as refusal:
        await desk.say(odd, answer)
    assert refusal.value.field == field
    assert await desk.waiting() == [odd]
