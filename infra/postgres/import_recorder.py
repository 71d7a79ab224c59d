"""What a file does to a person's footprint, in one transaction with the end of its import."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias, cast

from domain.footprint.captured import Captured
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.metering import CounterRow, MeterRow
from domain.footprint.model import ImportJob, ImportStatus, Rejection
from infra.postgres.captured_records import CapturedRecording
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.homes import lock_home
from infra.postgres.imports import finish_import
from infra.postgres.meter_readings import MeterRecording

_BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
"""Within one import a table grows from nothing to half a million rows, and a plan made for nothing would be kept."""

Batch: TypeAlias = Sequence[MeterRow] | Sequence[CounterRow] | Sequence[Captured]
"""Not empty, and of one kind."""


class ImportRecorder:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        job: ImportJob,
        rejections: Sequence[Rejection],
        batches: AsyncIterator[Batch],
        *,
        region: str,
        time_zone: str,
        now: datetime,
    ) -> ImportJob:
        """Records every batch and finishes the job, all or nothing; `job` has what the file's judge counted.

        Raises NotFound where the region has no factor for anything in the file, TooManyOverlaps, TooManySeams,
        RegisterChanged, and whatever ends `batches`.
        """
        async with self._database.writing(job.owner) as connection:
            await connection.execute(_BY_KEY)
            choice = await FactorChoice.of_owner(PostgresFactors.within(connection), job.owner)
            await lock_home(connection, job.owner)
            meters = MeterRecording(
                connection, job.owner, job.id, region=region, time_zone=time_zone, now=now, choice=choice
            )
            records = CapturedRecording(
                connection, job.owner, job.id, region=region, time_zone=time_zone, now=now, choice=choice
            )
            async for batch in batches:
                if isinstance(batch[0], MeterRow):
                    await meters.merge(cast(Sequence[MeterRow], batch))
                elif isinstance(batch[0], CounterRow):
                    await meters.merge_counters(cast(Sequence[CounterRow], batch))
                else:
                    await records.merge(cast(Sequence[Captured], batch))
            await meters.close()
            await records.close()
            imported = meters.imported + records.imported
            finished = replace(
                job,
                status=ImportStatus.FINISHED,
                records_imported=imported,
                records_duplicate=job.records_duplicate
                + meters.accepted
                + records.accepted
                - imported
                - len(records.refused),
                records_rejected=job.records_rejected + len(records.refused),
                emissions=meters.emissions + records.emissions,
            )
            await finish_import(connection, finished, [*rejections, *records.refused, *meters.notes, *records.notes])
        return finished
