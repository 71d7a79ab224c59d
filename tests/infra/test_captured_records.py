"""Journeys, purchases and charges of files on the real store: once each, replaced visibly, cancelled whole."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.footprint.captured import CapturedRecord
from domain.footprint.checks import judge
from domain.footprint.model import ActivitySource, ActivityStatus, ImportJob, ImportStatus
from domain.footprint.records import TravelMode
from domain.ids import new_id
from infra.postgres.connection import Database
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.import_recorder import ImportRecorder
from infra.postgres.imports import PostgresImports
from tests.conftest import TestDatabase
from tests.domain.footprint.test_record_checks import NOW, charge, journey, purchase

OWNER = 1_000


class Desk:
    """Files of records, already read, and what the person sees."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = ImportRecorder(database)
        self.imports = PostgresImports(database)
        self.footprint = PostgresFootprint(database)

    async def send(self, *records: CapturedRecord, region: str = "GB") -> ImportJob:
        verdict = judge(records, NOW, region)
        job = ImportJob(new_id(datetime.now(UTC)), OWNER, "TEST", ImportStatus.RUNNING, verdict.read)
        await self.imports.add(job, path="", filename="", region=region, time_zone="UTC", now=NOW)  # type: ignore[arg-type]

        async def batches() -> AsyncIterator[list[Any]]:
            yield verdict.captured

        return await self.recorder.record(job, [], batches(), region=region, time_zone="UTC", now=NOW)

    async def activities(self) -> list[tuple[str, ActivityStatus]]:
        items = await self.footprint.activities(OWNER, None, 100, None, None)
        return sorted((item.activity, item.status) for item in items)

    async def check_totals(self) -> int:
        """The day totals are what the counted activities say."""
        total = await self.database.pool.fetchval(
            "SELECT coalesce(sum(emissions), 0)::bigint FROM activity WHERE owner = $1 AND status = 'COUNTED'", OWNER
        )
        summary = await self.footprint.summary(OWNER, date(2026, 1, 1), date(2026, 12, 31))
        assert summary.total == total
        return int(total)


@pytest.fixture
async def desk(database: TestDatabase) -> AsyncIterator[Desk]:
    opened = await Database.open(database.app_url)
    yield Desk(opened)
    await opened.close()


def counts(job: ImportJob) -> tuple[int, int, int]:
    return job.records_imported, job.records_duplicate, job.records_rejected


async def test_each_kind_becomes_an_activity_of_its_source(desk: Desk) -> None:
    job = await desk.send(journey(), purchase(), charge())
    assert counts(job) == (3, 0, 0)
    items = await desk.footprint.activities(OWNER, None, 100, None, None)
    assert {item.source for item in items} == {ActivitySource.PHONE, ActivitySource.BANK, ActivitySource.DEVICE}
    assert sum(item.emissions for item in items) == job.emissions == await desk.check_totals() > 0


async def test_the_same_again_changes_nothing(desk: Desk) -> None:
    first = await desk.send(journey(), purchase())
    again = await desk.send(journey(), purchase())
    assert counts(again) == (0, 2, 0)
    assert again.emissions == 0
    assert await desk.check_totals() == first.emissions


async def test_another_payload_replaces_and_both_stay(desk: Desk) -> None:
    await desk.send(journey())
    job = await desk.send(journey(mode=TravelMode.BUS))
    assert counts(job) == (1, 0, 0)
    assert await desk.activities() == [
        ("transport.bus.local_average", ActivityStatus.COUNTED),
        ("transport.car.unknown.average", ActivityStatus.REVERSED),
    ]
    rows = await desk.database.pool.fetch("SELECT superseded FROM captured_record ORDER BY superseded")
    assert [row["superseded"] for row in rows] == [False, True]
    [note] = [item for item in await desk.imports.rejections(job.id, 10) if item.note]
    assert note.code == "REPLACED_EARLIER"
    await desk.check_totals()


async def test_what_became_a_walk_counts_no_more(desk: Desk) -> None:
    await desk.send(journey())
    job = await desk.send(journey(mode=TravelMode.WALK, metres=Decimal(4_000)))
    assert [item.code for item in await desk.imports.rejections(job.id, 10)] == ["REPLACED_EARLIER", "NOT_COUNTED"]
    assert await desk.activities() == [("transport.car.unknown.average", ActivityStatus.REVERSED)]
    assert await desk.check_totals() == 0


@pytest.mark.parametrize("credit_first", [False, True])
async def test_a_credit_record_cancels_whichever_comes_first(desk: Desk, credit_first: bool) -> None:
    session, credit = charge(), charge(record="2", kwh=Decimal("-22.5"), cancels="1")
    for record in (credit, session) if credit_first else (session, credit):
        await desk.send(record)
    assert await desk.check_totals() == 0
    assert [status for _activity, status in await desk.activities()] == [ActivityStatus.REVERSED]


async def test_a_record_without_a_factor_is_refused_alone(desk: Desk) -> None:
    start = NOW - timedelta(days=2)
    old = journey(record="2", mode=TravelMode.FERRY, start=start, end=start + timedelta(hours=1))
    job = await desk.send(journey(), old, region="US")
    assert counts(job) == (2, 0, 0)
    items = await desk.footprint.activities(OWNER, None, 1, None, None)
    assert "No factor of travel for US" in items[0].explanation.caveats[0]
