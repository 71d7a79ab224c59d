"""Activities by hand on the real store: judged one by one, counted once, added up by day and category."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.errors import DomainError, IdempotencyKeyReused, InvalidInput, NotFound
from domain.footprint.model import Activity, ActivityDraft, ActivitySource, ActivityStatus
from domain.footprint.service import record_activities, summarise
from domain.footprint.summary import CategoryTotal, DayTotal
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint, lock_footprint, reverse_activities
from infra.postgres.programmes import PostgresProgrammes
from tests.conftest import TestDatabase

OWNER = 1_000
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
CAR = "transport.car.petrol.medium"


class Book:
    """One person's footprint."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = PostgresFootprint(database)
        self.factors = PostgresFactors(database)

    async def record(
        self, *drafts: ActivityDraft, owner: int = OWNER, time_zone: str = "Europe/London", region: str = "GB"
    ) -> list[Activity | DomainError]:
        return await record_activities(
            self.factors, self.store, owner=owner, region=region, time_zone=time_zone, drafts=drafts, now=NOW
        )

    async def one(self, draft: ActivityDraft, **person: Any) -> Activity:
        [result] = await self.record(draft, **person)
        assert isinstance(result, Activity), result
        return result

    async def rows(self) -> int:
        count = await self.database.pool.fetchval("SELECT count(*) FROM activity")
        return int(count)


@pytest.fixture
async def book(database: TestDatabase) -> AsyncIterator[Book]:
    opened = await Database.open(database.app_url)
    yield Book(opened)
    await opened.close()


def draft(**fields: Any) -> ActivityDraft:
    values = {
        "client_id": str(uuid4()),
        "activity": CAR,
        "quantity": "10",
        "unit": "km",
        "started_at": NOW - timedelta(hours=3),
    }
    return ActivityDraft(**(values | fields))


async def test_a_trip(book: Book) -> None:
    [factor] = [row for row in await book.factors.candidates(CAR, ["GB"]) if row.valid_from.year == 2026]
    trip = draft(quantity="10.50", unit="mile", ended_at=NOW - timedelta(hours=2), shared_by=2)
    activity = await book.one(trip)
    grams = round(Decimal("10.5") * Decimal("1.609344") * factor.kg_per_unit * 1000 / 2)
    assert activity.emissions == grams > 0
    assert activity.explanation.edition == "2026"
    assert activity.explanation.converted_quantity == Decimal("16.898112")
    assert (activity.status, activity.category, activity.local_date) == (
        ActivityStatus.COUNTED,
        "transport",
        date(2026, 6, 15),
    )
    assert await book.store.activity(OWNER, activity.id) == activity
    assert await book.store.activity(OWNER + 1, activity.id) is None


async def test_each_is_judged_alone(book: Book) -> None:
    wrong: list[tuple[dict[str, Any], type[DomainError], str | None]] = [
        ({"client_id": "1"}, InvalidInput, "clientId"),
        ({"client_id": "urn:uuid:" + str(uuid4())}, InvalidInput, "clientId"),
        *(
            ({"quantity": text}, InvalidInput, "quantity")
            for text in ("", "ten", "NaN", "Infinity", "-1", "1e13", "1e-31", "1_000", "\u0661", "1" * 64, "1e999")
        ),
        ({"unit": "kg"}, InvalidInput, "unit"),
        ({"unit": "passenger_km"}, InvalidInput, "unit"),
        ({"unit": "parsec\x00"}, InvalidInput, "unit"),
        ({"activity": "a\x00b"}, InvalidInput, "activity"),
        ({"activity": "\ud800"}, InvalidInput, "activity"),
        ({"activity": "a" * 5_000}, InvalidInput, "activity"),
        ({"activity": "action.antforest.metro_ride", "unit": "trip", "region": "CN"}, InvalidInput, "activity"),
        ({"activity": "gwp100.ar5.co2", "unit": "kg"}, InvalidInput, "activity"),
        ({"activity": "transport.teleport"}, NotFound, None),
        ({"region": "FR"}, NotFound, None),
        ({"region": "Bavaria"}, InvalidInput, "region"),
        ({"started_at": NOW + timedelta(minutes=6)}, InvalidInput, "startedAt"),
        ({"started_at": datetime(1989, 12, 31, tzinfo=UTC)}, InvalidInput, "startedAt"),
        ({"ended_at": NOW - timedelta(hours=4)}, InvalidInput, "endedAt"),
        ({"ended_at": NOW + timedelta(hours=4)}, InvalidInput, "endedAt"),
        ({"shared_by": 0}, InvalidInput, "sharedBy"),
        ({"shared_by": 1_001}, InvalidInput, "sharedBy"),
    ]
    results = await book.record(draft(), *(draft(**fields) for fields, _error, _field in wrong), draft(quantity="0"))
    assert isinstance(results[0], Activity)
    assert isinstance(results[-1], Activity)
    for (fields, error, field), result in zip(wrong, results[1:-1], strict=True):
        assert type(result) is error, (fields, result)
        assert getattr(result, "field", None) == field, (fields, result)
        assert isinstance(result, DomainError)
        result.message.encode()
    assert await book.rows() == 2


async def test_a_clock_five_minutes_ahead_is_forgiven(book: Book) -> None:
    await book.one(draft(started_at=NOW + timedelta(minutes=4)))


async def test_five_hundred_and_no_more(book: Book) -> None:
    results = await book.record(*(draft() for _ in range(500)))
    assert all(isinstance(result, Activity) for result in results)
    with pytest.raises(InvalidInput):
        await book.record(*(draft() for _ in range(501)))
    assert await book.rows() == 500


async def test_the_same_client_id_is_the_same_record(book: Book) -> None:
    first = draft(quantity="1.0")
    activity = await book.one(first)
    again = await book.record(
        replace(first, quantity="1.00"), replace(first, client_id=first.client_id.upper()), replace(first, quantity="2")
    )
    assert again[:2] == [activity, activity]
    assert isinstance(again[2], IdempotencyKeyReused)
    assert await book.rows() == 1


async def test_twice_in_one_request(book: Book) -> None:
    first = draft()
    results = await book.record(first, first, replace(first, unit="mile"))
    assert results[0] == results[1]
    assert isinstance(results[2], IdempotencyKeyReused)
    assert await book.rows() == 1


async def test_the_same_id_of_two_people_is_two_records(book: Book) -> None:
    first = draft()
    mine, theirs = await book.one(first), await book.one(first, owner=OWNER + 1)
    assert mine.id != theirs.id
    assert await book.rows() == 2


async def test_racing_requests_record_once(book: Book) -> None:
    drafts = [draft(quantity=str(number)) for number in range(1, 21)]
    answers = await asyncio.gather(
        *(book.record(*(drafts if number % 2 else reversed(drafts))) for number in range(6)),
        book.record(*(replace(item, quantity="77") for item in drafts)),
    )
    ids: dict[UUID, set[UUID]] = {}
    for answer in answers:
        for result in answer:
            if isinstance(result, Activity):
                ids.setdefault(result.client_id, set()).add(result.id)
            else:
                assert isinstance(result, IdempotencyKeyReused)
    assert [len(found) for found in ids.values()] == [1] * 20
    assert await book.rows() == 20
    summary = await book.store.summary(OWNER, date(2026, 6, 15), date(2026, 6, 15))
    stored = await book.database.pool.fetchval("SELECT sum(emissions)::bigint FROM activity")
    assert (summary.total, summary.by_category[0].activities) == (stored, 20)


async def test_a_day_is_local(book: Book) -> None:
    late = datetime(2026, 6, 14, 23, 30, tzinfo=UTC)
    london = await book.one(draft(started_at=late))
    shanghai = await book.one(draft(started_at=late), time_zone="Asia/Shanghai")
    new_york = await book.one(draft(started_at=late), time_zone="America/New_York")
    assert [item.local_date.day for item in (london, shanghai, new_york)] == [15, 15, 14]
    summary = await book.store.summary(OWNER, date(2026, 6, 14), date(2026, 6, 15))
    grams = london.emissions
    assert summary.by_day == (DayTotal(date(2026, 6, 14), grams), DayTotal(date(2026, 6, 15), 2 * grams))
    assert summary.by_category == (CategoryTotal("transport", 3 * grams, 3),)


async def test_a_reversed_activity_counts_no_longer(book: Book) -> None:
    kept, gone = await book.one(draft(quantity="3")), await book.one(draft(quantity="5"))
    async with book.database.pool.acquire() as connection, connection.transaction():
        await lock_footprint(connection, OWNER)
        assert await reverse_activities(connection, OWNER, [gone.id]) == gone.emissions
        assert await reverse_activities(connection, OWNER, [gone.id]) == 0
    summary = await book.store.summary(OWNER, date(2026, 6, 15), date(2026, 6, 15))
    assert summary.by_category == (CategoryTotal("transport", kept.emissions, 1),)
    stored = await book.store.activity(OWNER, gone.id)
    assert stored == replace(gone, status=ActivityStatus.REVERSED)
    day = datetime(2026, 6, 15, tzinfo=UTC)
    assert await book.store.emissions_between([OWNER], day, day + timedelta(days=1)) == {OWNER: kept.emissions}


async def test_the_list_goes_back_in_time(book: Book) -> None:
    times = [NOW - timedelta(days=number) for number in (3, 1, 2, 2, 5)]
    recorded = [await book.one(draft(started_at=moment)) for moment in times]
    newest = sorted(recorded, key=lambda item: (item.started_at, item.id), reverse=True)
    first = await book.store.activities(OWNER, None, 2, None, None)
    rest = await book.store.activities(OWNER, (first[-1].started_at, first[-1].id), 10, None, None)
    assert [*first, *rest] == newest
    some = await book.store.activities(OWNER, None, 10, date(2026, 6, 12), date(2026, 6, 13))
    assert some == newest[1:4]


async def test_emissions_of_a_week_are_cut_by_the_moment(book: Book) -> None:
    start = datetime(2026, 6, 8, tzinfo=UTC)
    end = start + timedelta(days=7)
    moments = [start - timedelta(seconds=1), start, end - timedelta(seconds=1), end]
    recorded = [await book.one(draft(started_at=moment, quantity=str(7**at))) for at, moment in enumerate(moments)]
    sums = await book.store.emissions_between([OWNER, OWNER + 1], start, end)
    assert sums == {OWNER: recorded[1].emissions + recorded[2].emissions}


async def test_a_device_falls_back_to_the_lifecycle_figure_and_a_hand_does_not(book: Book) -> None:
    kettle = draft(activity="energy.electricity.grid", quantity="2", unit="kWh", region="AU")
    by_hand, by_device = await book.record(
        kettle, replace(kettle, client_id=str(uuid4()), source=ActivitySource.DEVICE)
    )
    assert isinstance(by_hand, NotFound)
    assert isinstance(by_device, Activity)
    assert by_device.emissions == 1108
    assert by_device.explanation.factor_id == "energy.electricity.grid.ember"


async def test_a_summary_without_a_programme(book: Book) -> None:
    await book.one(draft())
    programmes = PostgresProgrammes(book.database)
    days = {"from_date": date(2026, 6, 1), "to_date": date(2026, 6, 30)}
    summary = await summarise(book.store, programmes, owner=OWNER, **days)
    assert (summary.allowance, summary.remaining) == (None, None)
    assert summary.total > 0
    for start, end, field in ((2, 1, "from"), (1, 3_661, "to")):
        first = date(2020, 1, 1)
        with pytest.raises(InvalidInput) as refusal:
            await summarise(
                book.store,
                programmes,
                owner=OWNER,
                from_date=first + timedelta(days=start),
                to_date=first + timedelta(days=end),
            )
        assert refusal.value.field == field


async def test_a_member_s_allowance_is_by_the_day(book: Book) -> None:
    pool = book.database.pool
    await pool.execute("INSERT INTO asset VALUES (1, 'A', 'ALLOWANCE', 'g'), (2, 'P', 'POINTS', 'points')")
    await pool.execute("INSERT INTO programme VALUES (1, 'LON', 'London', 'GB', 'GBP', 100000, 1, 'UTC', 2, 1, 0, 0)")
    await pool.execute("INSERT INTO membership VALUES ($1, 1, now(), now())", OWNER)
    activity = await book.one(draft())
    summary = await summarise(
        book.store,
        PostgresProgrammes(book.database),
        owner=OWNER,
        from_date=date(2026, 6, 13),
        to_date=date(2026, 6, 15),
    )
    assert summary.allowance == 42_857
    assert summary.remaining == 42_857 - activity.emissions
