"""Readings of many files of one meter: streamed or merged, the table holds each interval once."""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.footprint.metering import MeterRow
from domain.footprint.model import ImportJob, ImportStatus
from domain.ids import new_id
from infra.postgres.connection import Database
from infra.postgres.import_recorder import ImportRecorder
from infra.postgres.imports import PostgresImports
from infra.postgres.reading_table import STREAM_MIN
from tests.conftest import TestDatabase

OWNER = 1_000
START = datetime(2026, 1, 1, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
AT_ONCE = 300


class Meter:
    """One meter's files, judged already: each sends the half hours from `first` to `last`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = ImportRecorder(database)
        self.imports = PostgresImports(database)
        self.files = 0

    async def send(self, first: int, last: int, watt_hours: int = 500, steps: int = 1) -> ImportJob:
        self.files += 1
        told = START + timedelta(days=300 + self.files)
        rows = [self._row(at, steps, watt_hours, told) for at in range(first, last, steps)]
        job = ImportJob(new_id(told), OWNER, "TEST", ImportStatus.RUNNING, len(rows))
        await self.imports.add(job, path="", filename="", region="GB", time_zone="UTC", now=told)  # type: ignore[arg-type]

        async def batches() -> AsyncIterator[Sequence[MeterRow]]:
            for at in range(0, len(rows), AT_ONCE):
                yield rows[at : at + AT_ONCE]

        return await self.recorder.record(job, [], batches(), region="GB", time_zone="UTC", now=told)

    def _row(self, at: int, steps: int, watt_hours: int, told: datetime) -> MeterRow:
        start = START + at * HALF_HOUR
        value = Decimal(watt_hours * steps) / 1_000
        end = start + steps * HALF_HOUR
        return MeterRow("m", "E1", start, end, "ELECTRICITY", "IMPORT", "kWh", value, False, start.date(), told)

    async def counted(self) -> tuple[int, Decimal]:
        """Readings that count, and their sum, which the activities must have too."""
        row = await self.database.pool.fetchrow(
            "SELECT count(*), coalesce(sum(value), 0) AS total FROM meter_reading WHERE owner = $1 AND counted", OWNER
        )
        total = await self.database.pool.fetchval(
            "SELECT coalesce(sum(quantity), 0) FROM activity WHERE owner = $1 AND status = 'COUNTED'", OWNER
        )
        assert row is not None
        assert row["total"] == total
        return row["count"], total


@pytest.fixture
async def meter(database: TestDatabase) -> AsyncIterator[Meter]:
    opened = await Database.open(database.app_url)
    yield Meter(opened)
    await opened.close()


def counts(job: ImportJob) -> tuple[int, int]:
    return job.records_imported, job.records_duplicate


async def test_files_one_after_the_other(meter: Meter) -> None:
    assert counts(await meter.send(0, 1_000)) == (1_000, 0)
    assert counts(await meter.send(1_000, 2_000)) == (1_000, 0)
    assert await meter.counted() == (2_000, Decimal(1_000))


async def test_the_same_file_again(meter: Meter) -> None:
    await meter.send(0, 1_000)
    assert counts(await meter.send(0, 1_000)) == (0, 1_000)
    assert await meter.counted() == (1_000, Decimal(500))


async def test_files_that_overlap(meter: Meter) -> None:
    await meter.send(0, 1_000)
    assert counts(await meter.send(900, 1_900)) == (900, 100)
    assert await meter.counted() == (1_900, Decimal(950))


async def test_a_later_file_replaces(meter: Meter) -> None:
    await meter.send(0, 1_000)
    job = await meter.send(500, 1_500, watt_hours=600)
    assert counts(job) == (1_000, 0)
    assert await meter.counted() == (1_500, Decimal(850))
    assert [item.code for item in await meter.imports.rejections(job.id, 10)] == ["REPLACED_EARLIER"]


async def test_an_earlier_stretch_comes_later(meter: Meter) -> None:
    await meter.send(1_000, 2_000)
    assert counts(await meter.send(0, 1_500)) == (1_000, 500)
    assert await meter.counted() == (2_000, Decimal(1_000))


async def test_a_long_reading_gives_way_to_what_fills_it(meter: Meter) -> None:
    await meter.send(0, 48 * 30, steps=48 * 30)
    await meter.send(0, 48 * 30)
    assert await meter.counted() == (48 * 30, Decimal(720))


async def test_a_long_reading_that_is_known_holds_against_a_part(meter: Meter) -> None:
    await meter.send(0, 48 * 30, steps=48 * 30)
    await meter.send(48 * 10, 48 * 30 - 48)
    assert await meter.counted() == (1, Decimal(720))


async def test_readings_past_a_long_one_are_streamed(meter: Meter) -> None:
    await meter.send(0, 48 * 30, steps=48 * 30)
    assert counts(await meter.send(48 * 30, 48 * 60)) == (48 * 30, 0)
    assert await meter.counted() == (1 + 48 * 30, Decimal(1_440))


async def test_any_files_in_any_order(meter: Meter, seed: int) -> None:
    draw = random.Random(seed)
    held: dict[int, int] = {}
    for _ in range(12):
        first = draw.randrange(3_000)
        last = first + draw.randrange(1, 5 * STREAM_MIN)
        watt_hours = draw.choice((500, 600))
        job = await meter.send(first, last, watt_hours)
        same = sum(held.get(at) == watt_hours for at in range(first, last))
        assert counts(job) == (last - first - same, same)
        held |= dict.fromkeys(range(first, last), watt_hours)
        assert await meter.counted() == (len(held), Decimal(sum(held.values())) / 1_000)
