"""Readings over many days on the real store: each local day has its part, and no energy counts twice."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.devices import MeterDeviceKind, new_device
from domain.footprint.household import assign_meter, create_household, join_household, leave_household
from domain.footprint.model import Activity, ActivityStatus, Direction, Reading
from infra.factors.loader import load_factors
from infra.postgres.connection import Database
from infra.postgres.device_readings import DeviceReadings, Told
from infra.postgres.devices import PostgresDevices
from infra.postgres.households import PostgresHouseholds
from infra.postgres.long_readings import long_readings
from tests.conftest import TestDatabase
from tests.infra.test_answers import CONFIRM, DISCARD, NOW, OWNER, Desk

LONDON = ZoneInfo("Europe/London")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
GRID = (
    "factor_id,activity,category,unit,kg_co2e_per_unit,region,valid_from,valid_to,source,source_edition,source_ref,"
    "scope,notes\r\n"
    "energy.electricity.grid,Mains,energy,kWh,0.2,GB,2025-01-01,2025-12-31,DESNZ,2025,table 1,generation,\r\n"
    "energy.electricity.grid,Mains,energy,kWh,0.1,GB,2026-01-01,2026-12-31,DESNZ,2026,table 1,generation,\r\n"
)


@pytest.fixture
async def desk(database: TestDatabase) -> AsyncIterator[Desk]:
    opened = await Database.open(database.app_url)
    yield Desk(opened)
    await opened.close()


def bill(
    start: date, end: date, kwh: str, register: str = "E1", direction: Direction = Direction.IMPORT, meter: str = "m"
) -> Reading:
    """From midnight to midnight in London."""
    begin, finish = (datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC) for day in (start, end))
    return Reading(meter, register, begin, finish, Decimal(kwh), "kWh", direction)


def hours(
    day: date, kwh: str, count: int = 24, register: str = "E1", direction: Direction = Direction.IMPORT
) -> list[Reading]:
    begin = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    return [
        Reading("m", register, begin + at * HOUR, begin + (at + 1) * HOUR, Decimal(kwh), "kWh", direction)
        for at in range(count)
    ]


async def counted(desk: Desk) -> list[Activity]:
    """In order of time; the summary says the same."""
    activities = [
        activity
        for activity in reversed(await desk.footprint.activities(OWNER, None, 1_000, None, None))
        if activity.status is ActivityStatus.COUNTED
    ]
    summary = await desk.footprint.summary(OWNER, date(2020, 1, 1), date(2026, 12, 31))
    days: dict[date, int] = {}
    for activity in activities:
        days[activity.local_date] = days.get(activity.local_date, 0) + activity.emissions
    assert {day.date: day.total for day in summary.by_day} == days
    return activities


async def days(desk: Desk) -> dict[date, str]:
    found: dict[date, Decimal] = {}
    for activity in await counted(desk):
        found[activity.local_date] = found.get(activity.local_date, Decimal(0)) + activity.quantity
    return {day: f"{quantity:.3f}" for day, quantity in found.items()}


def each(start: date, end: date, kwh: str) -> dict[date, str]:
    return {start + number * DAY: kwh for number in range((end - start).days)}


APRIL, JUNE, JULY = date(2026, 4, 1), date(2026, 6, 1), date(2026, 7, 1)


# ---------------------------------------------------------------- days


async def test_a_bill_counts_on_each_of_its_days(desk: Desk) -> None:
    job = await desk.send(bill(JUNE, JULY, "120"), time_zone="Europe/London")
    assert (job.records_imported, job.records_rejected) == (1, 0)
    assert await days(desk) == each(JUNE, JULY, "4.000")
    activities = await counted(desk)
    assert sum(activity.emissions for activity in activities) == job.emissions
    [first, *_rest, last] = activities
    assert first.started_at == datetime(2026, 5, 31, 23, tzinfo=UTC)
    assert first.ended_at == last.started_at - 28 * DAY == datetime(2026, 6, 1, 23, tzinfo=UTC)


async def test_days_of_23_and_25_hours_count_their_hours(desk: Desk) -> None:
    await desk.send(bill(date(2026, 3, 28), date(2026, 3, 31), "71"), time_zone="Europe/London")
    await desk.send(bill(date(2025, 10, 25), date(2025, 10, 28), "73"), time_zone="Europe/London")
    assert list((await days(desk)).values()) == ["24.000", "25.000", "24.000", "24.000", "23.000", "24.000"]


async def test_a_day_stays_on_the_day_in_which_it_starts(desk: Desk) -> None:
    autumn = date(2025, 10, 26)
    six = datetime(2026, 6, 1, 6, tzinfo=LONDON).astimezone(UTC)
    gas_day = Reading("n", "E1", six, six + DAY, Decimal(24), "kWh", Direction.IMPORT)
    await desk.send(bill(autumn, autumn + DAY, "25"), gas_day, time_zone="Europe/London")
    assert await days(desk) == {autumn: "25.000", JUNE: "24.000"}


async def test_what_comes_before_and_after_a_bill_adds_to_its_days(desk: Desk) -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=LONDON).astimezone(UTC)
    part = Reading("m", "E1", noon, noon + 2 * DAY, Decimal(48), "kWh", Direction.IMPORT)
    await desk.send(part, *hours(JUNE, "1", 12), *hours(JUNE + 2 * DAY, "1")[12:], time_zone="Europe/London")
    assert await days(desk) == {JUNE: "24.000", JUNE + DAY: "24.000", JUNE + 2 * DAY: "24.000"}


async def test_each_day_has_the_factor_of_its_own_year(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(GRID, newline="")
    await load_factors(desk.database, ademe_impact_co2=False, folder=tmp_path)
    await desk.send(bill(date(2025, 12, 30), date(2026, 1, 3), "40"), time_zone="Europe/London")
    assert [activity.emissions for activity in await counted(desk)] == [2_000, 2_000, 1_000, 1_000]


# ---------------------------------------------------------------- again, later, otherwise


async def test_the_same_bill_again_changes_nothing(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "100"), time_zone="Europe/London")
    before = await desk.database.pool.fetch("SELECT * FROM activity ORDER BY id")
    job = await desk.send(bill(JUNE, JULY, "100"), time_zone="Europe/London")
    assert (job.records_imported, job.records_duplicate, job.emissions) == (0, 1, 0)
    assert await desk.database.pool.fetch("SELECT * FROM activity ORDER BY id") == before


async def test_a_corrected_bill_replaces_every_day_and_both_stay(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120"), time_zone="Europe/London")
    await desk.send(bill(JUNE, JULY, "150"), time_zone="Europe/London")
    assert await days(desk) == each(JUNE, JULY, "5.000")
    statuses = await desk.database.pool.fetch("SELECT status, count(*) FROM activity GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in statuses] == [("COUNTED", 30), ("REVERSED", 30)]
    assert await desk.database.pool.fetchval("SELECT value FROM replaced_reading") == 120


async def test_who_moves_does_not_move_the_days_of_before(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120"), time_zone="Europe/London")
    await desk.send(bill(JUNE, JULY, "120"), time_zone="America/New_York")
    assert await days(desk) == each(JUNE, JULY, "4.000")
    await desk.send(bill(JUNE, JULY, "150"), *hours(JULY, "0.25"), time_zone="America/New_York")
    whole = sum(Decimal(value) for value in (await days(desk)).values())
    assert whole == 156
    assert (await days(desk))[JUNE] == "5.000"


async def test_a_bill_from_before_bills_were_spread_is_spread_when_it_comes_again(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120"), time_zone="Europe/London")
    await desk.database.pool.execute("DELETE FROM long_reading")
    await desk.send(*hours(JUNE - DAY, "1", 25), time_zone="Europe/London")
    assert sum(Decimal(value) for value in (await days(desk)).values()) == 24 + 120 + 29 * 4
    await desk.send(bill(JUNE, JULY, "120"), time_zone="Europe/London")
    assert await days(desk) == {JUNE - DAY: "24.000"} | each(JUNE, JULY, "4.000")


# ---------------------------------------------------------------- two views of one energy


@pytest.mark.parametrize("bill_first", [True, False])
async def test_a_quarter_and_half_hours_inside_of_it_never_count_twice(desk: Desk, bill_first: bool) -> None:
    quarter = [bill(APRIL, JULY, "910")]
    inside = [reading for at in range(20) for reading in hours(APRIL + (40 + at) * DAY, "3")]
    files = [quarter, inside] if bill_first else [inside, quarter]
    for file in files:
        await desk.send(*file, time_zone="Europe/London")
    assert await days(desk) == each(APRIL, JULY, "10.000")
    told = await desk.database.pool.fetch("SELECT code, note FROM import_rejection")
    assert [tuple(row) for row in told if row["code"] == "OVERLAP_EARLIER"] == [("OVERLAP_EARLIER", True)]
    uncounted = await desk.database.pool.fetchval("SELECT count(*) FROM meter_reading WHERE NOT counted")
    assert uncounted == 480


@pytest.mark.parametrize("bill_first", [True, False])
async def test_hours_that_fill_a_bill_hold_on_every_day(desk: Desk, bill_first: bool) -> None:
    whole = [bill(JUNE, JUNE + 5 * DAY, "500")]
    inside = [reading for at in range(5) for reading in hours(JUNE + at * DAY, str(at + 1))]
    for file in [whole, inside] if bill_first else [inside, whole]:
        await desk.send(*file, time_zone="Europe/London")
    assert list((await days(desk)).values()) == ["24.000", "48.000", "72.000", "96.000", "120.000"]


async def test_months_that_fill_a_quarter_hold_once_the_last_has_come(desk: Desk) -> None:
    quarter, may = bill(APRIL, JULY, "910"), date(2026, 5, 1)
    await desk.send(bill(APRIL, may, "30"), bill(may, JUNE, "62"), time_zone="Europe/London")
    await desk.send(quarter, time_zone="Europe/London")
    assert await days(desk) == each(APRIL, JULY, "10.000")
    await desk.send(bill(JUNE, JULY, "90"), time_zone="Europe/London")
    assert await days(desk) == each(APRIL, may, "1.000") | each(may, JUNE, "2.000") | each(JUNE, JULY, "3.000")


async def test_an_hour_that_is_corrected_leaves_the_bill_around_it(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120"), time_zone="Europe/London")
    await desk.send(*hours(JUNE + 9 * DAY, "1", 3), time_zone="Europe/London")
    await desk.send(*hours(JUNE + 9 * DAY, "2", 3), time_zone="Europe/London")
    assert await days(desk) == each(JUNE, JULY, "4.000")


@pytest.mark.parametrize("net_first", [True, False])
async def test_a_month_of_net_flow_gives_way_to_hours_of_use_within(desk: Desk, net_first: bool) -> None:
    net = [bill(JUNE, JULY, "120", "net", Direction.NET)]
    use = hours(JULY - DAY, "1", 24, "use")
    for file in [net, use] if net_first else [use, net]:
        await desk.send(*file, time_zone="Europe/London")
    assert await days(desk) == {JULY - DAY: "24.000"}


@pytest.mark.parametrize("net_first", [True, False])
async def test_hours_of_net_flow_give_way_to_a_bill_of_use(desk: Desk, net_first: bool) -> None:
    net = [reading for at in range(12) for reading in hours(JUNE + at * DAY, "1", 24, "net", Direction.NET)]
    use = [bill(JUNE, JUNE + 10 * DAY, "100", "use")]
    for file in [net, use] if net_first else [use, net]:
        await desk.send(*file, time_zone="Europe/London")
    assert await days(desk) == each(JUNE, JUNE + 10 * DAY, "10.000") | each(JUNE + 10 * DAY, JUNE + 12 * DAY, "24.000")


async def test_what_was_fed_in_is_no_use_on_any_day(desk: Desk) -> None:
    await desk.send(
        bill(JUNE, JULY, "120", "B1", Direction.EXPORT), bill(JUNE, JULY, "-60", "net", Direction.NET, "n"),
        time_zone="Europe/London",
    )  # fmt: skip
    assert set((await days(desk)).values()) <= {"0.000"}


# ---------------------------------------------------------------- what is asked


async def test_a_bill_beyond_a_household_is_asked_about_once(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120000"), time_zone="Europe/London")
    waiting = await desk.waiting()
    assert (len(waiting), await days(desk)) == (30, {})
    await desk.say(waiting[7], CONFIRM)
    assert await desk.waiting() == []
    assert await days(desk) == each(JUNE, JULY, "4000.000")


async def test_a_bill_that_is_discarded_counts_on_no_day(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120000"), *hours(JULY, "1"), time_zone="Europe/London")
    await desk.say((await desk.waiting())[0], DISCARD)
    assert await desk.waiting() == []
    assert await days(desk) == {JULY: "24.000"}


async def test_what_waits_for_another_reason_goes_on_waiting(desk: Desk) -> None:
    await desk.send(bill(JUNE, JULY, "120000"), *hours(JULY, "200"), time_zone="Europe/London")
    await desk.say((await desk.waiting())[-1], CONFIRM)
    assert [activity.local_date for activity in await desk.waiting()] == [JULY]


async def test_two_hours_at_both_ends_of_a_bill_are_two_questions(desk: Desk) -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=LONDON).astimezone(UTC)
    between = Reading("m", "E1", noon, noon + 2 * DAY, Decimal(48), "kWh", Direction.IMPORT)
    first, last = hours(JUNE, "200", 1), hours(JUNE + 2 * DAY, "200")[12:13]
    await desk.send(*first, between, *last, time_zone="Europe/London")
    assert [activity.local_date for activity in await desk.waiting()] == [JUNE + 2 * DAY, JUNE]
    await desk.say((await desk.waiting())[0], CONFIRM)
    assert [activity.local_date for activity in await desk.waiting()] == [JUNE]


# ---------------------------------------------------------------- devices


async def test_a_device_that_was_silent_for_days_counts_on_each(desk: Desk) -> None:
    device = new_device(
        owner=OWNER,
        kind=MeterDeviceKind.SHELLY,
        name="Meter",
        entity=None,
        is_within_meter=False,
        region="GB",
        time_zone="Europe/London",
        now=NOW,
    )
    await PostgresDevices(desk.database).pair(device)
    readings = DeviceReadings(desk.database)
    noon = datetime(2026, 6, 1, 12, tzinfo=LONDON).astimezone(UTC)

    async def tell(hour: int, kwh: str) -> None:
        await readings.record([Told(device, "m", "use", Direction.IMPORT, noon + hour * HOUR, Decimal(kwh))])

    await tell(0, "10")
    await tell(1, "11")
    await tell(61, "71")
    await readings.settle(NOW)
    assert await days(desk) == {JUNE: "12.000", JUNE + DAY: "24.000", JUNE + 2 * DAY: "24.000", JUNE + 3 * DAY: "1.000"}
    async with desk.database.writing(OWNER) as connection:
        [known] = await long_readings(connection, OWNER, "m", None, JUNE + 3 * DAY, JULY)
    assert (known.first_day, known.last_day) == (JUNE, JUNE + 3 * DAY)


# ---------------------------------------------------------------- households


class Flat:
    """Ada's meter with a bill of June, and a household that has it from the first day on; days are by member."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.households = PostgresHouseholds(desk.database)
        self.code = ""

    async def furnish(self) -> None:
        may = datetime(2026, 5, 20, tzinfo=UTC)
        household = await create_household(
            self.households, owner=OWNER, name="Flat", time_zone="Europe/London", now=may
        )
        self.code = household.invite_code
        await self.desk.send(bill(JUNE, JULY, "120.01"), time_zone="Europe/London")
        await assign_meter(
            self.households, owner=OWNER, meter="m", from_date=JUNE, region="GB", time_zone="Europe/London", now=NOW
        )

    async def join(self, zone: str, now: datetime) -> None:
        await join_household(self.households, owner=OWNER + 1, code=self.code, time_zone=zone, now=now)

    async def grams(self, owner: int) -> dict[date, int]:
        summary = await self.desk.footprint.summary(owner, JUNE, JULY)
        return {day.date: day.total for day in summary.by_day}


@pytest.fixture
async def flat(desk: Desk) -> Flat:
    made = Flat(desk)
    await made.furnish()
    return made


async def test_who_joins_and_leaves_within_a_bill_shares_its_days_from_then_until_then(flat: Flat) -> None:
    alone = await flat.grams(OWNER)
    await flat.join("Europe/London", datetime(2026, 6, 20, 12, tzinfo=UTC))
    ada, ben = await flat.grams(OWNER), await flat.grams(OWNER + 1)
    assert list(ben) == list(each(date(2026, 6, 20), JULY, ""))
    assert all(abs(ada[day] - grams) <= 1 for day, grams in ben.items())
    assert {day: grams + ben.get(day, 0) for day, grams in ada.items()} == alone
    left = datetime(2026, 6, 25, 12, tzinfo=UTC)
    await leave_household(flat.households, owner=OWNER + 1, time_zone="Europe/London", now=left)
    ada, ben = await flat.grams(OWNER), await flat.grams(OWNER + 1)
    assert list(ben) == list(each(date(2026, 6, 20), date(2026, 6, 25), ""))
    assert {day: grams + ben.get(day, 0) for day, grams in ada.items()} == alone


@pytest.mark.parametrize(
    ("zone", "now", "first"),
    [
        ("America/New_York", datetime(2026, 6, 20, 2, tzinfo=UTC), date(2026, 6, 19)),
        ("Europe/London", datetime(2026, 6, 20, 2, tzinfo=UTC), date(2026, 6, 20)),
        ("Asia/Tokyo", datetime(2026, 6, 20, 20, tzinfo=UTC), date(2026, 6, 21)),
    ],
)
async def test_who_joins_does_so_on_the_date_of_their_own_zone_and_days_are_those_of_the_meter(
    flat: Flat, zone: str, now: datetime, first: date
) -> None:
    alone = await flat.grams(OWNER)
    await flat.join(zone, now)
    ada, ben = await flat.grams(OWNER), await flat.grams(OWNER + 1)
    assert list(ben) == list(each(first, JULY, ""))
    assert {day: grams + ben.get(day, 0) for day, grams in ada.items()} == alone
    starts = await flat.desk.database.pool.fetch(
        "SELECT DISTINCT started_at::time AS clock FROM activity WHERE owner = $1", OWNER + 1
    )
    assert [row["clock"].hour for row in starts] == [23]
