"""Offers and redemptions."""

from collections.abc import Sequence

import asyncpg

from domain.rewards.model import Offer, Redemption
from infra.postgres.catalogue import Catalogue
from infra.postgres.connection import Database
from infra.postgres.paging import below, newest_of_owner
from infra.postgres.rows import offer_of, redemption_of

_REDEMPTIONS_OF_OWNER = newest_of_owner("redemption")


class PostgresRewards:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._catalogue = Catalogue(database)

    async def offers(self, after: int | None, limit: int) -> list[Offer]:
        """Newest first, those that can no longer be redeemed among them; the position is the offer id."""
        rows = await self._pool.fetch(
            "SELECT * FROM offer WHERE id < $1 ORDER BY id DESC LIMIT $2", below(after), limit
        )
        return await self._offers(rows)

    async def offer(self, offer_id: int) -> Offer | None:
        offers = await self._offers(await self._pool.fetch("SELECT * FROM offer WHERE id = $1", offer_id))
        return offers[0] if offers else None

    async def redemption(self, redemption_id: int) -> Redemption | None:
        return (await self.redemptions_by_id([redemption_id])).get(redemption_id)

    async def redemptions(self, owner: int, after: int | None, limit: int) -> list[Redemption]:
        """Newest first; the position is the redemption id."""
        rows = await self._pool.fetch(
            _REDEMPTIONS_OF_OWNER,
            owner,
            below(after),
            limit,
        )
        return await self._redemptions(rows)

    async def redemptions_by_id(self, ids: Sequence[int]) -> dict[int, Redemption]:
        """Anybody's redemptions."""
        rows = await self._pool.fetch("SELECT * FROM redemption WHERE id = ANY($1::bigint[])", ids)
        return {redemption.id: redemption for redemption in await self._redemptions(rows)}

    async def _offers(self, rows: Sequence[asyncpg.Record]) -> list[Offer]:
        assets = await self._catalogue.assets(row["points_asset"] for row in rows)
        return [offer_of(row, assets) for row in rows]

    async def _redemptions(self, rows: Sequence[asyncpg.Record]) -> list[Redemption]:
        ids = {row["offer"] for row in rows}
        offers = await self._pool.fetch("SELECT * FROM offer WHERE id = ANY($1::bigint[])", list(ids)) if ids else []
        by_id = {offer.id: offer for offer in await self._offers(offers)}
        return [redemption_of(row, by_id) for row in rows]
