"""Import jobs: the queue of files, who is at work on which, and what became of them.

A job at work is claimed until a time that its runner keeps moving ahead. A runner that died lets the claim run out, and
the next one starts the job again from its file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from domain.footprint.model import ImportJob, ImportStatus, Rejection
from infra.postgres.connection import Database, PooledConnection

TURN = timedelta(minutes=10)
_COLUMNS = "id, owner, format, status, records_read, records_imported, records_duplicate, records_rejected, emissions"


@dataclass(frozen=True, slots=True)
class ClaimedImport:
    """`attempts` counts this one too; `sent_at` is when the file came."""

    job: ImportJob
    path: Path
    region: str
    time_zone: str
    attempts: int
    sent_at: datetime


async def finish_import(connection: PooledConnection, job: ImportJob, rejections: Sequence[Rejection]) -> None:
    """Writes the end of a job, in the transaction of whatever it recorded."""
    await connection.execute(
        "INSERT INTO import_rejection SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[], "
        "$6::text[], $7::boolean[])",
        job.id,
        list(range(len(rejections))),
        [rejection.line for rejection in rejections],
        [rejection.record for rejection in rejections],
        [rejection.reason for rejection in rejections],
        [rejection.code for rejection in rejections],
        [rejection.note for rejection in rejections],
    )
    await connection.execute(
        "UPDATE import_job SET format = $2, status = $3, records_read = $4, records_imported = $5, "
        "records_duplicate = $6, records_rejected = $7, emissions = $8, claimed_until = NULL WHERE id = $1",
        job.id,
        job.format,
        job.status.value,
        job.records_read,
        job.records_imported,
        job.records_duplicate,
        job.records_rejected,
        job.emissions,
    )


class PostgresImports:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    async def add(
        self, job: ImportJob, *, path: Path, filename: str, region: str, time_zone: str, now: datetime
    ) -> None:
        await self._pool.execute(
            "INSERT INTO import_job VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, 0, $9, NULL, 0)",
            job.id,
            job.owner,
            str(path),
            filename,
            region,
            time_zone,
            job.format,
            job.status.value,
            now,
        )

    async def by_id(self, owner: int, import_id: UUID) -> ImportJob | None:
        row = await self._pool.fetchrow(
            f"SELECT {_COLUMNS} FROM import_job WHERE id = $1 AND owner = $2", import_id, owner
        )
        return _job(row) if row else None

    async def rejections(self, import_id: UUID, limit: int) -> list[Rejection]:
        rows = await self._pool.fetch(
            "SELECT code, reason, line, record, note FROM import_rejection WHERE import_id = $1 "
            "ORDER BY number LIMIT $2",
            import_id,
            limit,
        )
        return [Rejection(**row) for row in rows]

    async def waiting(self, owner: int) -> tuple[int, int]:
        """Jobs that are not done: of everybody, and of this owner."""
        rows = await self._pool.fetch(
            "SELECT owner = $1 AS own, count(*) AS jobs FROM import_job "
            "WHERE status IN ('QUEUED', 'RUNNING') GROUP BY 1",
            owner,
        )
        return sum(row["jobs"] for row in rows), sum(row["jobs"] for row in rows if row["own"])

    async def claim(self, now: datetime, until: datetime) -> ClaimedImport | None:
        """A job that nobody is at work on, RUNNING from now on; None where there is none.

        Everybody's first file comes before anybody's second: jobs go by how many files the same person sent in the
        TURN before, done or not, then by age.
        """
        row = await self._pool.fetchrow(
            "UPDATE import_job SET status = 'RUNNING', claimed_until = $2, attempts = attempts + 1 WHERE id = ("
            "SELECT id FROM import_job AS waiting "
            "WHERE status = 'QUEUED' OR (status = 'RUNNING' AND claimed_until < $1) "
            "ORDER BY (SELECT count(*) FROM import_job AS earlier WHERE earlier.owner = waiting.owner "
            "AND earlier.created_at < waiting.created_at AND earlier.created_at > waiting.created_at - $3::interval), "
            "created_at LIMIT 1 FOR UPDATE SKIP LOCKED) "
            f"RETURNING {_COLUMNS}, path, region, time_zone, attempts, created_at",
            now,
            until,
            TURN,
        )
        if row is None:
            return None
        return ClaimedImport(
            _job(row), Path(row["path"]), row["region"], row["time_zone"], row["attempts"], row["created_at"]
        )

    async def keep_claim(self, import_id: UUID, until: datetime, job_format: str, records_read: int) -> None:
        """Moves the claim ahead and shows how far the job is."""
        await self._pool.execute(
            "UPDATE import_job SET claimed_until = $2, format = $3, records_read = $4 "
            "WHERE id = $1 AND status = 'RUNNING'",
            import_id,
            until,
            job_format,
            records_read,
        )

    async def release(self, import_id: UUID) -> None:
        """Puts a job back into the queue, as if it had never been started."""
        await self._pool.execute(
            "UPDATE import_job SET status = 'QUEUED', claimed_until = NULL, attempts = attempts - 1 "
            "WHERE id = $1 AND status = 'RUNNING'",
            import_id,
        )

    async def fail(self, job: ImportJob, rejections: Sequence[Rejection]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await finish_import(connection, replace(job, status=ImportStatus.FAILED), rejections)


def _job(row: asyncpg.Record) -> ImportJob:
    return ImportJob(
        id=row["id"],
        owner=row["owner"],
        format=row["format"],
        status=ImportStatus(row["status"]),
        records_read=row["records_read"],
        records_imported=row["records_imported"],
        records_duplicate=row["records_duplicate"],
        records_rejected=row["records_rejected"],
        emissions=row["emissions"],
    )
