"""Brings corrected factors into the footprint, where everybody can see it.

Each loading that changed rows leaves a `factor_change`. Person by person, in batches, each COUNTED activity is looked
at whose row was withdrawn or does not cover its day, if the factor had a change in that region: where another row is
chosen now and says something else, it is reversed and recorded anew, and both name each other. One person's adjustments
are one transaction under that person's lock; a job that was broken off goes on at the batch that it had reached, and
whoever was done in it is done. Closed weeks and the ledger are not touched. One process works at a time: the right to
it is a lock of the session, so that no transaction is open between two persons and one connection does all.

A change is worked on GRACE after it was loaded: by then no request is left that had chosen its factor before.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.footprint.adjusting import adjusted
from domain.footprint.model import Activity, EmissionFactor
from infra.postgres.activity_rows import ACTIVITY_COLUMNS, activity_of
from infra.postgres.connection import Database, PooledConnection, is_unavailable
from infra.postgres.factors import FACTOR_COLUMNS
from infra.postgres.footprint import lock_footprint
from infra.postgres.homes import members_of
from infra.postgres.rebasing import rebase_waiting
from infra.postgres.replacing import replace_activities
from infra.tasks import end_task

OWNERS_AT_ONCE = 200
ACTIVITIES_AT_ONCE = 1_000
GRACE = timedelta(minutes=1)
POLL_SECONDS = 60

_NEXT_CHANGE = """
    SELECT id, after_owner, loaded_at FROM factor_change WHERE finished_at IS NULL AND loaded_at <= $1
    ORDER BY id LIMIT 1"""
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('factor adjuster', 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('factor adjuster', 0))"
_NEXT_OWNERS = """
    WITH RECURSIVE walk AS (
        SELECT min(owner) AS owner FROM footprint_day WHERE owner > $1
        UNION ALL
        SELECT (SELECT min(owner) FROM footprint_day WHERE footprint_day.owner > walk.owner) FROM walk
        WHERE walk.owner IS NOT NULL)
    SELECT owner FROM walk WHERE owner IS NOT NULL LIMIT $2"""
_FACTORS = f"""
    SELECT {FACTOR_COLUMNS}, withdrawn_at IS NULL AS holds, (factor_id, region) IN (
        SELECT factor_id, region FROM emission_factor WHERE loaded_at = $1 OR withdrawn_at = $1) AS touched
    FROM emission_factor"""
_IS_TOUCHED = """
    status = 'COUNTED' AND EXISTS (
        SELECT FROM emission_factor AS factor_row WHERE factor_row.id = ANY(factor_rows) AND factor_row.id = ANY($2)
            AND (withdrawn_at IS NOT NULL OR local_date < valid_from OR local_date > valid_to))"""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Factors:
    """Every row by its id, those that hold by factor and region, and the ids of a factor and region that changed."""

    by_id: dict[int, EmissionFactor]
    current: dict[tuple[str, str], list[EmissionFactor]]
    touched: list[int]

    def adjusted(self, activity: Activity, now: datetime, members: Sequence[int]) -> Activity | None:
        was = [self.by_id[row] for row in activity.factor_rows]
        current = [other for row in was for other in self.current.get((row.factor_id, row.region), ())]
        return adjusted(activity, was, current, now, members)


class FactorAdjuster:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool = database.pool
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="factor adjuster")

    async def close(self) -> None:
        if self._task is not None:
            await end_task(self._task)

    async def _work(self) -> None:
        while True:
            try:
                while await self.step(datetime.now(UTC)):
                    pass
                while await rebase_waiting(self._database, datetime.now(UTC)):
                    pass
            except Exception as error:
                if not is_unavailable(error):
                    logger.exception("factors could not be adjusted")
            await asyncio.sleep(POLL_SECONDS)

    async def step(self, now: datetime) -> bool:
        """Works off one batch of people; False where there is nothing to do, or another process does it."""
        async with self._pool.acquire() as connection:
            if not await connection.fetchval(_TRY_LOCK):
                return False
            try:
                return await self._step(connection, now)
            finally:
                await connection.execute(_UNLOCK)

    async def _step(self, connection: PooledConnection, now: datetime) -> bool:
        change = await connection.fetchrow(_NEXT_CHANGE, now - GRACE)
        if change is None:
            return False
        owners = [row["owner"] for row in await connection.fetch(_NEXT_OWNERS, change["after_owner"], OWNERS_AT_ONCE)]
        if not owners:
            await connection.execute("UPDATE factor_change SET finished_at = $2 WHERE id = $1", change["id"], now)
            return True
        factors = await _factors(connection, change["loaded_at"])
        rows = await connection.fetch(
            f"SELECT DISTINCT owner FROM activity WHERE owner = ANY($1) AND {_IS_TOUCHED} ORDER BY owner",
            owners,
            factors.touched,
        )
        count = 0
        for row in rows:
            count += await self._adjust(connection, row["owner"], factors, now)
        await connection.execute(
            "UPDATE factor_change SET after_owner = $2, adjusted = adjusted + $3 WHERE id = $1",
            change["id"],
            owners[-1],
            count,
        )
        if count:
            logger.info("%s activities were adjusted to corrected factors", count)
        return True

    async def _adjust(self, connection: PooledConnection, owner: int, factors: _Factors, now: datetime) -> int:
        """All of one person's activities, or none of them; gives how many were recorded anew."""
        count, after = 0, UUID(int=0)
        async with connection.transaction():
            await lock_footprint(connection, owner)
            while True:
                rows = await connection.fetch(
                    f"SELECT {ACTIVITY_COLUMNS} FROM activity WHERE owner = $1 AND {_IS_TOUCHED} AND id > $3 "
                    "ORDER BY id LIMIT $4",
                    owner,
                    factors.touched,
                    after,
                    ACTIVITIES_AT_ONCE,
                )
                if not rows:
                    return count
                after = rows[-1]["id"]
                activities = [activity_of(row) for row in rows]
                members = await members_of(connection, owner, [activity.id for activity in activities])
                pairs = [
                    (old, new) for old in activities if (new := factors.adjusted(old, now, members.get(old.id, ())))
                ]
                await _move(connection, owner, [new for old, new in pairs if new.id == old.id])
                count += await replace_activities(connection, owner, [new for old, new in pairs if new.id != old.id])


async def _factors(connection: PooledConnection, changed_at: datetime) -> _Factors:
    factors = _Factors({}, {}, [])
    for row in await connection.fetch(_FACTORS, changed_at):
        values = dict(row)
        holds, touched = values.pop("holds"), values.pop("touched")
        factor = factors.by_id[row["id"]] = EmissionFactor(**values)
        if holds:
            factors.current.setdefault((factor.factor_id, factor.region), []).append(factor)
        if touched:
            factors.touched.append(factor.id)
    return factors


async def _move(connection: PooledConnection, owner: int, activities: Sequence[Activity]) -> None:
    """Nothing that anybody sees: the row that holds now says the same."""
    for activity in activities:
        await connection.execute(
            "UPDATE activity SET factor_rows = $3 WHERE owner = $1 AND id = $2",
            owner,
            activity.id,
            list(activity.factor_rows),
        )
