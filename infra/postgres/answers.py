"""What persons said of their activities, and what it does to the records behind them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.footprint.model import Activity, ActivityAnswer, ActivityResolution
from infra.postgres.connection import Database
from infra.postgres.footprint import UNKEYED, insert_activities, lock_footprint, reverse_activities
from infra.postgres.habits import habits_of, keep_habits
from infra.postgres.remembered_answers import remember, waiting_alike


class PostgresAnswers:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool = database.pool

    async def answer_to(self, owner: int, activity_id: UUID) -> ActivityAnswer | None:
        row = await self._pool.fetchrow(
            "SELECT resolution, activity, shared_by FROM activity_answer WHERE owner = $1 AND activity_id = $2",
            owner,
            activity_id,
        )
        if row is None:
            return None
        return ActivityAnswer(ActivityResolution(row["resolution"]), row["activity"], row["shared_by"])

    async def settle(
        self, owner: int, activity: Activity, answer: ActivityAnswer, replacement: Activity | None, now: datetime
    ) -> bool:
        async with self._database.writing(owner) as connection:
            await lock_footprint(connection, owner)
            status = await connection.fetchval(
                "SELECT status FROM activity WHERE owner = $1 AND id = $2", owner, activity.id
            )
            if status != activity.status.value:
                return False
            await reverse_activities(connection, owner, [activity.id])
            if replacement is not None:
                await insert_activities(connection, owner, [(replacement, UNKEYED)])
                habits = await habits_of(connection, owner, [replacement.activity])
                habits[replacement.activity].confirm(replacement.explanation.converted_quantity)
                await keep_habits(connection, owner, habits)
            successor = None if replacement is None else replacement.id
            await connection.execute(
                "INSERT INTO activity_answer VALUES ($1, $2, $3, $4, $5, $6, $7)",
                owner,
                activity.id,
                answer.resolution.value,
                answer.activity,
                answer.shared_by,
                successor,
                now,
            )
            await remember(connection, owner, activity, answer, replacement, now)
            await connection.execute(
                "UPDATE activity SET adjusted_by = $3 WHERE owner = $1 AND id = $2", owner, activity.id, successor
            )
            for table, person in (("captured_record", "owner"), ("meter_day", "member")):
                await connection.execute(
                    f"UPDATE {table} SET activity_id = coalesce($3, activity_id), answered = true "
                    f"WHERE {person} = $1 AND activity_id = $2",
                    owner,
                    activity.id,
                    successor,
                )
        return True

    async def waiting_alike(self, owner: int, activity_id: UUID, limit: int) -> Sequence[UUID]:
        async with self._pool.acquire() as connection:
            return await waiting_alike(connection, owner, activity_id, limit)
