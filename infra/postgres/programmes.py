"""Programmes, who belongs to them, and the weeks that were closed. Joining is the one write: it moves no balance.

What a person recorded before is brought onto the programme's basis when they join.
"""

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg

from domain.credits.model import AlreadyMember, PeriodStatement, Programme
from infra.postgres.catalogue import Catalogue
from infra.postgres.connection import Database
from infra.postgres.rebasing import rebase_some
from infra.postgres.rows import programme_of

_STATEMENT = """
    SELECT programme, owner, week_start, issued, footprint, surrendered, left_over FROM period_statement """


class PostgresProgrammes:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool = database.pool
        self._catalogue = Catalogue(database)

    async def programmes(self) -> list[Programme]:
        """By code."""
        return await self._programmes(await self._pool.fetch("SELECT * FROM programme ORDER BY code"))

    async def programme(self, code: str) -> Programme | None:
        return next((programme for programme in await self.programmes() if programme.code == code), None)

    async def programme_of(self, owner: int) -> Programme | None:
        rows = await self._pool.fetch(
            "SELECT * FROM programme WHERE id = (SELECT programme FROM membership WHERE owner = $1)", owner
        )
        return (await self._programmes(rows))[0] if rows else None

    async def member_count(self, programme_id: int) -> int:
        count = await self._pool.fetchval("SELECT count(*) FROM membership WHERE programme = $1", programme_id)
        return int(count)

    async def members(self, programme_id: int) -> list[int]:
        rows = await self._pool.fetch("SELECT owner FROM membership WHERE programme = $1 ORDER BY owner", programme_id)
        return [row["owner"] for row in rows]

    async def join(self, programme_id: int, owner: int, now: datetime) -> None:
        joined = await self._pool.fetchval(
            "INSERT INTO membership (owner, programme, joined_at) VALUES ($1, $2, $3) "
            "ON CONFLICT (owner) DO NOTHING RETURNING owner",
            owner,
            programme_id,
            now,
        )
        if joined is None:
            raise AlreadyMember
        await rebase_some(self._database, owner, now)

    async def is_settling(self, programme_id: int) -> bool:
        found: bool = await self._pool.fetchval(
            "SELECT EXISTS (SELECT FROM membership WHERE programme = $1 AND rebased_at IS NULL)", programme_id
        )
        return found

    async def statements(self, owner: int, after: date | None, limit: int) -> list[PeriodStatement]:
        rows = await self._pool.fetch(
            _STATEMENT + "WHERE owner = $1 AND week_start < $2 ORDER BY week_start DESC LIMIT $3",
            owner,
            after or date.max,
            limit,
        )
        return [PeriodStatement(**row) for row in rows]

    async def statement_of(self, owner: int, programme_id: int, week_start: date) -> PeriodStatement | None:
        row = await self._pool.fetchrow(
            _STATEMENT + "WHERE owner = $1 AND programme = $2 AND week_start = $3", owner, programme_id, week_start
        )
        return PeriodStatement(**row) if row else None

    async def _programmes(self, rows: Sequence[asyncpg.Record]) -> list[Programme]:
        assets = await self._catalogue.assets(
            asset for row in rows for asset in (row["allowance_asset"], row["points_asset"])
        )
        return [programme_of(row, assets) for row in rows]
