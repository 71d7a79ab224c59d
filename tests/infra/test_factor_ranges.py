"""A range that the source of a factor gives goes all the way into the summary, and out of it again."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from domain.footprint.model import Activity, ActivityDraft
from domain.footprint.service import record_activities
from domain.footprint.summary import EmissionsRange
from infra.factors.loader import load_factors
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.footprint import PostgresFootprint, lock_footprint, reverse_activities
from tests.conftest import TestDatabase

OWNER = 1_000
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HEADER = (
    "factor_id,activity,category,unit,kg_co2e_per_unit,region,valid_from,valid_to,source,source_edition,source_ref,"
    "scope,notes,uncertainty_low,uncertainty_high\r\n"
)
TABLE = HEADER + (
    "food.beef,Beef,food,kg,60,GLOBAL,2018-01-01,,A study,1,table 1,lifecycle,,40,105.5\r\n"
    "food.peas,Peas,food,kg,1,GLOBAL,2018-01-01,,A study,1,table 1,lifecycle,,,\r\n"
)


@pytest.fixture
async def opened(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "table.csv").write_text(TABLE, newline="")
    connected = await Database.open(database.app_url)
    await load_factors(connected, ademe_impact_co2=False, folder=tmp_path)
    yield connected
    await connected.close()


async def test_a_range_is_carried_into_the_summary(opened: Database) -> None:
    footprint = PostgresFootprint(opened)
    drafts = [
        ActivityDraft(str(uuid4()), activity, "2", "kg", NOW, shared_by=2) for activity in ("food.beef", "food.peas")
    ]
    beef, peas = await record_activities(
        PostgresFactors(opened), footprint, owner=OWNER, region="GB", time_zone="UTC", drafts=drafts, now=NOW
    )
    assert isinstance(beef, Activity)
    assert isinstance(peas, Activity)
    assert (beef.explanation.emissions_low, beef.emissions, beef.explanation.emissions_high) == (
        40_000,
        60_000,
        105_500,
    )
    assert (peas.explanation.emissions_low, peas.explanation.emissions_high) == (None, None)
    assert await footprint.activity(OWNER, beef.id) == beef

    day = date(2026, 6, 15)
    summary = await footprint.summary(OWNER, day, day)
    assert (summary.total, summary.range) == (61_000, EmissionsRange(41_000, 106_500, 60_000))
    async with opened.pool.acquire() as connection, connection.transaction():
        await lock_footprint(connection, OWNER)
        await reverse_activities(connection, OWNER, [beef.id])
    summary = await footprint.summary(OWNER, day, day)
    assert (summary.total, summary.range) == (1_000, None)
