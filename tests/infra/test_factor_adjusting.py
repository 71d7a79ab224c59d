"""A corrected factor is seen in the footprint: the old record stays, reversed, and a new one takes its place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from domain.footprint.model import Activity, ActivityAnswer, ActivityDraft, ActivityResolution, ActivityStatus
from domain.footprint.resolution import resolve_activity
from domain.footprint.service import record_activities
from infra.factors.adjusting import GRACE, FactorAdjuster
from infra.factors.loader import load_factors
from infra.postgres.answers import PostgresAnswers
from infra.postgres.connection import POOL_SIZE, Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint, lock_footprint, reverse_activities
from tests.conftest import TestDatabase

OWNER = 1_000
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HEADER = (
    "factor_id,activity,category,unit,kg_co2e_per_unit,region,valid_from,valid_to,source,source_edition,source_ref,"
    "scope,notes\r\n"
)
CAR_2025 = "transport.car,Car,transport,km,0.2,GB,2025-01-01,{until},DESNZ,2025,table 1,direct,{notes}\r\n"
CAR_2026 = "transport.car,Car,transport,km,0.16,GB,2026-01-01,,DESNZ,2026,table 1,direct,\r\n"
PEAS = "food.peas,Peas,food,kg,{kg},GLOBAL,2018-01-01,,A study,{edition},table 1,lifecycle,\r\n"
FIRST = HEADER + CAR_2025.format(until="", notes="") + PEAS.format(kg="1", edition="1")


class Shelf:
    """Factor tables that a test writes, and people who record by them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.footprint = PostgresFootprint(database)
        self.adjuster = FactorAdjuster(database)

    async def load(self, text: str) -> None:
        (self.folder / "table.csv").write_text(text, newline="")
        await load_factors(self.database, ademe_impact_co2=False, folder=self.folder)

    async def record(self, *drafts: ActivityDraft, owner: int = OWNER) -> list[Activity]:
        results = await record_activities(
            PostgresFactors(self.database),
            self.footprint,
            owner=owner,
            region="GB",
            time_zone="UTC",
            drafts=drafts,
            now=NOW,
        )
        return [result for result in results if isinstance(result, Activity)]

    async def confirm(self, waiting: Activity) -> Activity:
        return await resolve_activity(
            PostgresFactors(self.database),
            self.footprint,
            PostgresAnswers(self.database),
            owner=OWNER,
            region="GB",
            activity_id=waiting.id,
            answer=ActivityAnswer(ActivityResolution.CONFIRM),
            now=NOW,
        )

    async def adjust(self) -> None:
        while await self.adjuster.step(datetime.now(UTC) + GRACE):
            pass

    async def counted(self, owner: int = OWNER) -> list[Activity]:
        listed = await self.footprint.activities(owner, None, 1_000, None, None)
        return [activity for activity in listed if activity.status is ActivityStatus.COUNTED]

    async def check_totals(self) -> None:
        """The day totals say what the counted activities say."""
        days = await self.database.pool.fetch(
            "SELECT owner, local_date, category, grams, activities FROM footprint_day WHERE activities > 0"
        )
        sums = await self.database.pool.fetch(
            "SELECT owner, local_date, category, sum(emissions)::bigint, count(*) FROM activity "
            "WHERE status = 'COUNTED' GROUP BY owner, local_date, category"
        )
        assert sorted(tuple(row) for row in days) == sorted(tuple(row) for row in sums)


@pytest.fixture
async def shelf(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Shelf]:
    opened = await Database.open(database.app_url)
    shelf = Shelf(opened, tmp_path)
    await shelf.load(FIRST)
    await shelf.adjust()
    yield shelf
    await opened.close()


def trip(day: date, quantity: str = "10", **fields: object) -> ActivityDraft:
    started_at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    return replace(ActivityDraft(str(uuid4()), "transport.car", quantity, "km", started_at), **fields)  # type: ignore[arg-type]


async def test_a_corrected_row_reverses_and_records_anew(shelf: Shelf) -> None:
    draft = trip(date(2025, 3, 1), shared_by=2)
    [old] = await shelf.record(draft)
    assert old.emissions == 1_000

    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    await shelf.adjust()

    [new] = await shelf.counted()
    assert (new.emissions, new.adjusts, new.shared_by) == (1_250, old.id, 2)
    assert new.explanation.formula == "10 km x 0.25 kg CO2e/km x 1000 / 2 = 1250 g"
    assert new.explanation.caveats == (
        "Corrected: edition 2025 had 0.2 kg CO2e/km, edition 2025 has 0.25 now; 1000 g became 1250 g.",
    )
    assert (new.quantity, new.started_at, new.local_date) == (old.quantity, old.started_at, old.local_date)
    stored = await shelf.footprint.activity(OWNER, old.id)
    assert stored == replace(old, status=ActivityStatus.REVERSED, adjusted_by=new.id)
    assert await shelf.record(draft) == [stored]
    await shelf.check_totals()


async def test_a_newer_edition_adjusts_what_it_covers_and_nothing_else(shelf: Shelf) -> None:
    before, after = await shelf.record(trip(date(2025, 3, 1)), trip(date(2026, 3, 1)))
    assert after.explanation.caveats == ()

    await shelf.load(HEADER + CAR_2025.format(until="2025-12-31", notes="") + CAR_2026 + PEAS.format(kg=1, edition=1))
    await shelf.adjust()

    new, kept = await shelf.counted()
    assert (kept.id, kept.emissions, kept.explanation) == (before.id, 2_000, before.explanation)
    assert (new.adjusts, new.emissions, new.explanation.edition) == (after.id, 1_600, "2026")
    await shelf.check_totals()


async def test_a_change_of_words_is_no_adjustment(shelf: Shelf) -> None:
    [old] = await shelf.record(trip(date(2025, 3, 1)))
    await shelf.load(HEADER + CAR_2025.format(until="", notes="a note") + PEAS.format(kg=1, edition=1))
    await shelf.adjust()
    [same] = await shelf.counted()
    assert replace(same, factor_rows=old.factor_rows) == old
    assert same.factor_rows != old.factor_rows


async def test_a_row_that_is_gone_for_good_leaves_its_activities(shelf: Shelf) -> None:
    old = await shelf.record(trip(date(2025, 3, 1)))
    await shelf.load(HEADER + PEAS.format(kg=1, edition=1))
    await shelf.adjust()
    assert await shelf.counted() == old

    await shelf.load(HEADER + CAR_2026 + PEAS.format(kg=1, edition=1))
    await shelf.adjust()
    assert await shelf.counted() == old

    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    await shelf.adjust()
    assert [(item.adjusts, item.emissions) for item in await shelf.counted()] == [(old[0].id, 2_500)]
    await shelf.check_totals()


async def test_a_row_that_gives_way_to_another_edition_alone_leaves_the_days_that_it_covered(shelf: Shelf) -> None:
    old = await shelf.record(trip(date(2025, 3, 1)))
    await shelf.load(HEADER + CAR_2026 + PEAS.format(kg=1, edition=1))
    await shelf.adjust()
    assert await shelf.counted() == old


async def test_a_new_edition_takes_over_from_the_nearest_one(shelf: Shelf) -> None:
    """The old row stays as it is: it never covered the day."""
    closed = CAR_2025.format(until="2025-12-31", notes="")
    await shelf.load(HEADER + closed + PEAS.format(kg=1, edition=1))
    await shelf.adjust()
    [old] = await shelf.record(trip(date(2026, 3, 1)))
    assert "No edition covers" in old.explanation.caveats[0]

    await shelf.load(HEADER + closed + CAR_2026 + PEAS.format(kg=1, edition=1))
    await shelf.adjust()

    [new] = await shelf.counted()
    assert (new.adjusts, new.emissions) == (old.id, 1_600)
    assert new.explanation.caveats == (
        "Corrected: edition 2025 had 0.2 kg CO2e/km, edition 2026 has 0.16 now; 2000 g became 1600 g.",
    )
    await shelf.check_totals()


async def test_the_supply_of_a_fuel_is_corrected_alone(shelf: Shelf) -> None:
    pool = shelf.database.pool
    await pool.execute("INSERT INTO asset VALUES (1, 'A', 'ALLOWANCE', 'g'), (2, 'P', 'POINTS', 'points')")
    await pool.execute("INSERT INTO programme VALUES (1, 'L', 'L', 'GB', 'GBP', 1, 1, 'UTC', 2, 1, 0, 0, 'LIFECYCLE')")
    await pool.execute("INSERT INTO membership VALUES ($1, 1, now(), now())", OWNER)
    supply = "wtt.transport.car,Fuel,transport,km,0.05,GB,2025-01-01,,DESNZ,2025,table 2,well_to_tank,\r\n"
    await shelf.load(FIRST + supply)
    [old] = await shelf.record(trip(date(2025, 3, 1)))
    assert old.emissions == 2_500

    await shelf.load(FIRST + supply.replace("0.05", "0.06"))
    await shelf.adjust()

    [new] = await shelf.counted()
    assert (new.adjusts, new.emissions, len(new.factor_rows)) == (old.id, 2_600, 2)
    assert new.explanation.formula == "10 km x (0.2 + 0.06) kg CO2e/km x 1000 = 2600 g"
    assert new.explanation.caveats[0] == "Includes wtt.transport.car (DESNZ, 2025)."


async def test_an_adjusted_record_is_adjusted_again_and_undone_by_its_first_name(shelf: Shelf) -> None:
    [first] = await shelf.record(trip(date(2025, 3, 1)))
    for kg in ("0.25", "0.3"):
        await shelf.load(FIRST.replace(",0.2,", f",{kg},"))
        await shelf.adjust()
    [third] = await shelf.counted()
    assert third.emissions == 3_000
    assert third.adjusts is not None
    second = await shelf.footprint.activity(OWNER, third.adjusts)
    assert second is not None
    assert (second.adjusts, second.adjusted_by, second.status) == (first.id, third.id, ActivityStatus.REVERSED)
    async with shelf.database.pool.acquire() as connection, connection.transaction():
        await lock_footprint(connection, OWNER)
        assert await reverse_activities(connection, OWNER, [first.id]) == 3_000
    assert await shelf.counted() == []
    await shelf.check_totals()


async def test_what_waited_is_confirmed_by_the_factor_that_holds_now(shelf: Shelf) -> None:
    draft = trip(date(2025, 3, 1), "100", shared_by=2)
    [old] = await shelf.record(replace(draft, ended_at=draft.started_at + timedelta(minutes=5)))
    assert (old.status, old.emissions) == (ActivityStatus.QUARANTINED, 10_000)
    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    await shelf.adjust()
    confirmed = await shelf.confirm(old)
    assert (confirmed.status, confirmed.emissions, confirmed.reason) == (ActivityStatus.COUNTED, 12_500, "")
    assert (confirmed.adjusts, confirmed.quantity, confirmed.shared_by) == (old.id, old.quantity, 2)
    assert confirmed.explanation.caveats == (
        "Corrected: edition 2025 had 0.2 kg CO2e/km, edition 2025 has 0.25 now; 10000 g became 12500 g.",
    )
    assert [item.id for item in await shelf.counted()] == [confirmed.id]
    await shelf.adjust()
    assert [item.id for item in await shelf.counted()] == [confirmed.id]
    await shelf.check_totals()


async def test_many_people_in_batches_that_are_broken_off(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job ends in the middle of a batch; it goes on and counts nobody twice."""
    monkeypatch.setattr("infra.factors.adjusting.OWNERS_AT_ONCE", 3)
    monkeypatch.setattr("infra.factors.adjusting.ACTIVITIES_AT_ONCE", 2)
    people = range(OWNER, OWNER + 8)
    for owner in people:
        peas = ActivityDraft(str(uuid4()), "food.peas", "2", "kg", NOW)
        await shelf.record(*(trip(date(2025, 3, day)) for day in range(1, 6)), peas, owner=owner)
    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    async with shelf.database.pool.acquire() as connection, connection.transaction():
        await lock_footprint(connection, OWNER + 4)
        running = asyncio.create_task(shelf.adjust())
        for _ in range(1_000):
            if len(await shelf.footprint.activities(OWNER + 3, None, 100, None, None)) == 11:
                break
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait([running])
    for owner in people:
        listed = await shelf.footprint.activities(owner, None, 100, None, None)
        assert len(listed) == (11 if owner <= OWNER + 3 else 6)
    await shelf.check_totals()

    await shelf.adjust()
    for owner in people:
        counted = await shelf.counted(owner)
        assert [item.emissions for item in counted] == [2_000, *[2_500] * 5]
    await shelf.check_totals()
    change = await shelf.database.pool.fetchrow("SELECT * FROM factor_change ORDER BY id DESC LIMIT 1")
    assert change is not None
    assert change["finished_at"] is not None
    assert await shelf.adjuster.step(datetime.now(UTC) + timedelta(days=1)) is False


async def test_two_processes_do_not_adjust_twice(shelf: Shelf) -> None:
    await shelf.record(*(trip(date(2025, 3, day)) for day in range(1, 6)))
    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    await asyncio.gather(*(shelf.adjust() for _ in range(4)))
    assert [item.emissions for item in await shelf.counted()] == [2_500] * 5
    assert await shelf.database.pool.fetchval("SELECT count(*) FROM activity") == 10
    await shelf.check_totals()


async def test_one_connection_is_enough(shelf: Shelf) -> None:
    await shelf.record(trip(date(2025, 3, 3)))
    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    async with AsyncExitStack() as held, asyncio.timeout(5):
        for _ in range(POOL_SIZE - 1):
            await held.enter_async_context(shelf.database.pool.acquire())
        await shelf.adjust()
    assert [item.emissions for item in await shelf.counted()] == [2_500]
    locks = """SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
        WHERE locktype = 'advisory' AND datname = current_database()"""
    assert await shelf.database.pool.fetchval(locks) == 0


async def test_requests_in_flight_have_a_minute(shelf: Shelf) -> None:
    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    assert await shelf.adjuster.step(datetime.now(UTC)) is False
    assert await shelf.adjuster.step(datetime.now(UTC) + GRACE) is True


async def test_a_closed_week_moves_nothing(shelf: Shelf) -> None:
    [old] = await shelf.record(trip(date(2025, 3, 3)))
    pool = shelf.database.pool
    await pool.execute("INSERT INTO period_statement VALUES ($1, 1, '2025-03-03', 10000, 2000, 2000, 8000)", OWNER)
    ledger = "SELECT (SELECT count(*) FROM posting), (SELECT count(*) FROM command)"
    before = tuple(await pool.fetchrow(ledger)), tuple(await pool.fetchrow("SELECT * FROM period_statement"))
    await shelf.load(FIRST.replace(",0.2,", ",0.25,"))
    await shelf.adjust()
    assert (await shelf.counted())[0].adjusts == old.id
    assert (tuple(await pool.fetchrow(ledger)), tuple(await pool.fetchrow("SELECT * FROM period_statement"))) == before
