"""A person who sends files, on the real database: each is read in a worker process of its own."""

import asyncio
import shutil
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from domain.footprint.model import ImportJob, ImportStatus
from infra.capture.runner import ImportRunner
from infra.postgres.connection import Database
from infra.postgres.footprint import PostgresFootprint
from infra.postgres.imports import PostgresImports

OWNER = 1_000
WAIT_SECONDS = 60


class Desk:
    """A runner, and what the person sees."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.runner = ImportRunner(database, folder)
        self.imports = PostgresImports(database)
        self.footprint = PostgresFootprint(database)

    async def queue(
        self, content: Path | bytes, *, region: str = "US", time_zone: str = "America/New_York", owner: int = OWNER
    ) -> ImportJob:
        now = datetime.now(UTC)
        path = self.runner.upload_path(now)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
        return await self.runner.accept(path, owner=owner, filename="file", region=region, time_zone=time_zone, now=now)

    async def done(self, job: ImportJob) -> ImportJob:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                current = await self.imports.by_id(job.owner, job.id)
                assert current is not None
                if current.status in (ImportStatus.FINISHED, ImportStatus.FAILED):
                    return current
                await asyncio.sleep(0.02)

    async def send(
        self, content: Path | bytes, *, region: str = "US", time_zone: str = "America/New_York", owner: int = OWNER
    ) -> ImportJob:
        return await self.done(await self.queue(content, region=region, time_zone=time_zone, owner=owner))

    async def counted(self, owner: int = OWNER) -> tuple[Decimal, int]:
        row = await self.database.pool.fetchrow(
            "SELECT coalesce(sum(quantity), 0), count(*) FROM activity WHERE owner = $1 AND status = 'COUNTED'", owner
        )
        assert row is not None
        return row[0], row[1]

    async def told(self, job: ImportJob) -> dict[str, int]:
        return Counter(item.code for item in await self.imports.rejections(job.id, 1_000))

    async def check_folder(self) -> None:
        """A job's file goes right after its end is told."""
        async with asyncio.timeout(WAIT_SECONDS):
            while list(self.folder.iterdir()):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def check_totals(self, owner: int = OWNER) -> None:
        """The day totals are what the activities say."""
        days = await self.database.pool.fetch(
            "SELECT local_date, category, grams, activities FROM footprint_day WHERE owner = $1 AND activities > 0 "
            "ORDER BY 1, 2",
            owner,
        )
        activities = await self.database.pool.fetch(
            "SELECT local_date, category, sum(emissions)::bigint AS grams, count(*)::int AS activities FROM activity "
            "WHERE owner = $1 AND status = 'COUNTED' GROUP BY 1, 2 ORDER BY 1, 2",
            owner,
        )
        assert [tuple(row) for row in days] == [tuple(row) for row in activities]
