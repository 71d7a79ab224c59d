"""What people aim at. The programme's allowance stands in where there is none."""

from datetime import datetime

from infra.postgres.connection import Database


class PostgresGoals:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    async def goal(self, owner: int) -> int | None:
        weekly: int | None = await self._pool.fetchval("SELECT weekly FROM goal WHERE owner = $1", owner)
        return weekly

    async def set_goal(self, owner: int, weekly: int | None, now: datetime) -> None:
        if weekly is None:
            await self._pool.execute("DELETE FROM goal WHERE owner = $1", owner)
            return
        await self._pool.execute(
            "INSERT INTO goal VALUES ($1, $2, $3) "
            "ON CONFLICT (owner) DO UPDATE SET weekly = excluded.weekly, set_at = excluded.set_at",
            owner,
            weekly,
            now,
        )
