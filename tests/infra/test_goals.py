"""Goals, pace and advice of people with a history, on the real store and the real factors."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from uuid import uuid4

import pytest

from domain.errors import InvalidInput
from domain.footprint.advising import ADVICE_WEEKS, SAME, Advice
from domain.footprint.goals import advice_for, pace_of, set_goal
from domain.footprint.model import Activity, ActivityDraft, ActivitySource
from domain.footprint.pacing import ForecastBand, Pace
from domain.footprint.service import record_activities
from infra.factors.changes import load_changes
from infra.forecasting import forecaster as forecasting
from infra.forecasting.forecaster import Forecaster
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.goals import PostgresGoals
from infra.postgres.programmes import PostgresProgrammes
from tests.conftest import TestDatabase

OWNER = 1_000
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
"""A Wednesday."""


@dataclass
class Person:
    database: Database
    forecaster: Forecaster

    async def record(self, *drafts: ActivityDraft, region: str = "GB") -> None:
        results = await record_activities(
            PostgresFactors(self.database),
            PostgresFootprint(self.database),
            owner=OWNER,
            region=region,
            time_zone="Europe/London",
            drafts=drafts,
            now=NOW,
        )
        assert all(isinstance(result, Activity) for result in results), results

    async def pace(self, now: datetime = NOW, time_zone: str = "Europe/London") -> Pace:
        return await pace_of(
            PostgresGoals(self.database),
            PostgresFootprint(self.database),
            PostgresProgrammes(self.database),
            self.forecaster,
            owner=OWNER,
            time_zone=time_zone,
            now=now,
        )

    async def advice(self) -> list[Advice]:
        return await advice_for(
            PostgresFactors(self.database),
            PostgresFootprint(self.database),
            load_changes(),
            owner=OWNER,
            time_zone="Europe/London",
            now=NOW,
        )

    async def set_goal(self, weekly: int | None) -> None:
        await set_goal(PostgresGoals(self.database), owner=OWNER, weekly=weekly, now=NOW)

    async def join(self, allowance: int, basis: str = "DIRECT") -> None:
        pool = self.database.pool
        await pool.execute("INSERT INTO asset VALUES (1, 'A', 'ALLOWANCE', 'g'), (2, 'P', 'POINTS', 'points')")
        await pool.execute(
            "INSERT INTO programme VALUES (1, 'LON', 'London', 'GB', 'GBP', $1, 1, 'UTC', 2, 1, 0, 0, $2)",
            allowance,
            basis,
        )
        await pool.execute("INSERT INTO membership VALUES ($1, 1, now(), now())", OWNER)


@pytest.fixture
async def person(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Person]:
    monkeypatch.setattr(forecasting, "ANSWER_SECONDS", 120)
    opened = await Database.open(database.app_url)
    forecaster = Forecaster()
    yield Person(opened, forecaster)
    await forecaster.close()
    await opened.close()


def did(activity: str, quantity: str, unit: str, days_ago: int = 1, **fields: object) -> ActivityDraft:
    started_at = NOW - timedelta(days=days_ago, hours=2)
    return ActivityDraft(str(uuid4()), activity, quantity, unit, started_at, **fields)  # type: ignore[arg-type]


def peas(grams: int, days_ago: int) -> ActivityDraft:
    """0.98 kg CO2e for a kilogram."""
    return did("food.peas", str(Decimal(grams) / 980), "kg", days_ago)


async def test_a_steady_person_is_told_the_week_and_the_month(person: Person) -> None:
    await person.record(*(peas(1_000, days_ago) for days_ago in range(90)))
    await person.set_goal(6_500)
    told = await person.pace()
    assert (told.goal, told.is_own_goal, told.left, told.days_left, told.daily_left) == (6_500, True, 3_500, 5, 700)
    assert told.text == "3.5 kg left until Sunday"
    assert (told.week.from_date, told.week.to_date, told.week.so_far) == (date(2026, 6, 15), date(2026, 6, 21), 3_000)
    assert told.week.forecast == ForecastBand(7_000, 7_000, 7_000)
    assert (told.month.from_date, told.month.to_date, told.month.so_far) == (
        date(2026, 6, 1),
        date(2026, 6, 30),
        17_000,
    )
    assert told.month.forecast == ForecastBand(30_000, 30_000, 30_000)


async def test_the_week_is_that_of_the_person_s_own_zone(person: Person) -> None:
    sunday_night = datetime(2026, 6, 21, 23, 30, tzinfo=UTC)
    assert (await person.pace(sunday_night, "UTC")).days_left == 1
    told = await person.pace(sunday_night, "Asia/Tokyo")
    assert (told.days_left, told.week.from_date) == (7, date(2026, 6, 22))


async def test_a_goal_goes_before_the_allowance_and_back(person: Person) -> None:
    assert ((await person.pace()).goal, (await person.pace()).is_own_goal) == (None, False)
    await person.join(70_000)
    assert ((await person.pace()).goal, (await person.pace()).is_own_goal) == (70_000, False)
    for weekly in (50_000, 40_000):
        await person.set_goal(weekly)
    assert ((await person.pace()).goal, (await person.pace()).is_own_goal) == (40_000, True)
    await person.set_goal(None)
    assert (await person.pace()).goal == 70_000
    for wrong in (0, -1, 10**10 + 1):
        with pytest.raises(InvalidInput) as refusal:
            await person.set_goal(wrong)
        assert refusal.value.field == "weekly"


async def test_a_newcomer_is_told_no_forecast(person: Person) -> None:
    await person.record(*(peas(1_000, days_ago) for days_ago in range(10)))
    told = await person.pace()
    assert (told.week.so_far, told.week.forecast, told.month.forecast) == (3_000, None, None)
    assert told.text == "3.0 kg so far this week"


async def test_the_three_changes_that_save_most_with_their_arithmetic(person: Person) -> None:
    await person.record(
        *(did("transport.car.petrol.medium", "30", "km", days_ago) for days_ago in range(0, 40, 2)),
        did("transport.car.petrol.medium", "20", "mile", 3, shared_by=2),
        did("food.beef_beef_herd", "4", "kg", 5),
        did("food.milk", "8", "kg", 5),
        did("energy.electricity.grid", "400", "kWh", 5, source=ActivitySource.METER),
        did("transport.rail.national", "900", "passenger_km", 5),
        did("transport.car.diesel.large", "9000", "km", 7 * ADVICE_WEEKS),
    )
    beef, car, milk = await person.advice()

    assert (beef.change, beef.then and beef.then.factor_id) == ("beef_to_tofu", "food.tofu_soybeans")
    assert beef.arithmetic == (
        "50 % of 8 weeks, 2 kg x (99.48 - 1 x 3.16) kg CO2e/kg x 1000 = 192640 g; 24080 g a week"
    )
    assert (beef.saved, beef.saved_weekly) == (192_640, 24_080)

    factors = PostgresFactors(person.database)
    own, other = [
        next(row for row in await factors.candidates(name, ["GB"]) if row.valid_from == date(2026, 1, 1))
        for name in ("transport.car.petrol.medium", "transport.car.bev.medium")
    ]
    assert (car.change, car.now, car.then) == ("car_to_electric_medium", own, other)
    assert car.quantity == Decimal("616.093")
    assert car.saved == round(car.quantity * (own.kg_per_unit - other.kg_per_unit) * 1_000)

    assert (milk.change, milk.quantity, milk.saved) == ("milk_to_soymilk", 8, (8 * (3150 - 980)))


async def test_nothing_done_is_nothing_to_change(person: Person) -> None:
    assert await person.advice() == []
    await person.record(did("transport.rail.national", "900", "passenger_km"))
    assert await person.advice() == []


async def test_every_change_names_factors_of_its_units_and_saves(person: Person) -> None:
    """The table stands on rows that exist; a change that compares nothing with anything would never be told."""
    factors = PostgresFactors(person.database)
    rows = await factors.search(None, None, None, None, None, 10_000)
    known = {(row.factor_id, row.unit) for row in rows}
    changes = load_changes()
    assert len({change.change for change in changes}) == len(changes)
    for change in changes:
        fitting = [name for name, unit in known if fnmatchcase(name, change.from_factor) and unit == change.from_unit]
        assert fitting, change.change
        if change.to_factor not in (None, SAME):
            assert (change.to_factor, change.to_unit) in known, change.change
        assert 0 < change.share_percent <= 100
        assert change.title
        assert change.assumption
