"""Emission factors: what the shipped tables say now. Withdrawn versions stay in the table and are never chosen."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from domain.basis import EmissionBasis
from domain.footprint.model import EmissionFactor, RankedFactor
from infra.postgres.connection import Database, PooledConnection, Queryable
from infra.postgres.factor_words import BEFORE_ALL, prefixes_of, search_sql, words_of

FACTOR_COLUMNS = (
    "id, factor_id, label, category, unit, kg_per_unit, region, valid_from, valid_to, source, edition, scope, notes, "
    "uncertainty_low, uncertainty_high"
)


class PostgresFactors:
    def __init__(self, database: Database) -> None:
        self._pool: Queryable = database.pool

    @staticmethod
    def within(connection: PooledConnection) -> "PostgresFactors":
        """The same, asked over a connection that one holds already."""
        factors = PostgresFactors.__new__(PostgresFactors)
        factors._pool = connection
        return factors

    async def candidates(self, factor_id: str, regions: Sequence[str]) -> list[EmissionFactor]:
        rows = await self._pool.fetch(
            f"SELECT {FACTOR_COLUMNS} FROM emission_factor WHERE factor_id = $1 AND region = ANY($2) "
            "AND withdrawn_at IS NULL ORDER BY array_position($2, region), valid_from",
            factor_id,
            list(regions),
        )
        return [EmissionFactor(**row) for row in rows]

    async def rows_of(self, ids: Sequence[int]) -> list[EmissionFactor]:
        rows = await self._pool.fetch(
            f"SELECT {FACTOR_COLUMNS} FROM emission_factor WHERE id = ANY($1) ORDER BY array_position($1, id)",
            list(ids),
        )
        return [EmissionFactor(**row) for row in rows]

    async def find(
        self,
        text: str,
        factor_id: str | None,
        category: str | None,
        region: str | None,
        on: date | None,
        after: tuple[int, int] | None,
        limit: int,
    ) -> list[RankedFactor]:
        words = words_of(text)
        if not words:
            return []
        rows = await self._pool.fetch(
            search_sql(FACTOR_COLUMNS, len(words)),
            factor_id,
            category,
            region,
            on,
            *(after or BEFORE_ALL),
            limit,
            *(prefixes_of(word) for word in words),
        )
        return [_ranked(dict(row)) for row in rows]

    async def basis_of(self, owner: int) -> EmissionBasis | None:
        basis = await self._pool.fetchval(
            "SELECT basis FROM programme WHERE id = (SELECT programme FROM membership WHERE owner = $1)", owner
        )
        return EmissionBasis(basis) if basis else None

    async def regions_of(self, factor_id: str) -> list[str]:
        rows = await self._pool.fetch(
            "SELECT DISTINCT region FROM emission_factor WHERE factor_id = $1 AND withdrawn_at IS NULL ORDER BY region",
            factor_id,
        )
        return [row["region"] for row in rows]

    async def search(
        self,
        factor_id: str | None,
        category: str | None,
        region: str | None,
        on: date | None,
        after: int | None,
        limit: int,
    ) -> list[EmissionFactor]:
        rows = await self._pool.fetch(
            f"SELECT {FACTOR_COLUMNS} FROM emission_factor WHERE withdrawn_at IS NULL AND id > $5::bigint "
            "AND ($1::text IS NULL OR factor_id = $1) AND ($2::text IS NULL OR category = $2) "
            "AND ($3::text IS NULL OR region = $3) "
            "AND ($4::date IS NULL OR (valid_from <= $4 AND (valid_to IS NULL OR valid_to >= $4))) "
            "ORDER BY id LIMIT $6",
            factor_id,
            category,
            region,
            on,
            after or 0,
            limit,
        )
        return [EmissionFactor(**row) for row in rows]


def _ranked(values: dict[str, Any]) -> RankedFactor:
    return RankedFactor(values.pop("rank"), EmissionFactor(**values))
