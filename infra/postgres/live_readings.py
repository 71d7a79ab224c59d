"""Readings that arrive without a file: recorded in one transaction, as an import does it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from domain.errors import InvalidInput
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.metering import rows_of
from domain.footprint.model import ReadingsReceipt
from domain.footprint.verdict import Verdict
from domain.ids import new_id
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.homes import lock_home
from infra.postgres.meter_readings import MeterRecording, RegisterChanged
from infra.postgres.reading_overlaps import TooManyOverlaps


class PostgresReadings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, owner: int, verdict: Verdict, *, region: str, time_zone: str, now: datetime
    ) -> ReadingsReceipt:
        told = (*verdict.rejections, *verdict.notes)
        rows = list(rows_of(verdict, ZoneInfo(time_zone)))
        if not rows:
            return ReadingsReceipt(0, verdict.duplicate, verdict.rejected, 0, told)
        try:
            async with self._database.writing(owner) as connection:
                choice = await FactorChoice.of_owner(PostgresFactors.within(connection), owner)
                await lock_home(connection, owner)
                recording = MeterRecording(
                    connection, owner, new_id(now), region=region, time_zone=time_zone, now=now, choice=choice
                )
                await recording.merge(rows)
                await recording.close()
        except RegisterChanged as error:
            raise InvalidInput(str(error), field="register") from error
        except TooManyOverlaps as error:
            raise InvalidInput("Too many readings share their time with earlier ones.", field="profiles") from error
        return ReadingsReceipt(
            recording.imported,
            verdict.duplicate + recording.accepted - recording.imported,
            verdict.rejected,
            recording.emissions,
            (*told, *recording.notes),
        )
