"""The acts of operators, their proposals, and anybody's order, for the operator's desk and the regulator."""

import orjson

from domain.orders.model import Act, Order, Proposal
from infra.postgres.connection import Database
from infra.postgres.market import PostgresMarket
from infra.postgres.paging import below
from infra.postgres.rows import proposal_of

ACTS = (
    *("SET_TERMS", "HALT_MARKET", "RESUME_MARKET", "CANCEL_ORDER_OF", "PROPOSE_RESERVE", "DECIDE_PROPOSAL"),
    *("CREATE_PROGRAMME", "CLOSE_PERIOD", "CREATE_OFFER", "DEPOSIT", "ISSUE"),
)
_PROPOSALS = "SELECT * FROM proposal WHERE id < $1 ORDER BY id DESC LIMIT $2"
# A closed week names every member with a footprint: its sums stand with the period, the rest is between each and their
# programme.
_ACTS = f"""
    SELECT sequence, kind, caller, at, answer_kind,
           CASE kind WHEN 'CLOSE_PERIOD' THEN (payload::jsonb - 'members')::text ELSE payload END AS payload
    FROM command
    WHERE sequence < $1 AND kind IN ({", ".join(f"'{kind}'" for kind in ACTS)}) ORDER BY sequence DESC LIMIT $2"""


class PostgresDesk:
    def __init__(self, database: Database, market: PostgresMarket) -> None:
        self._pool = database.pool
        self._market = market

    async def order(self, order_id: int) -> Order | None:
        return (await self._market.orders_by_id([order_id])).get(order_id)

    async def proposal(self, proposal_id: int) -> Proposal | None:
        row = await self._pool.fetchrow("SELECT * FROM proposal WHERE id = $1", proposal_id)
        return proposal_of(row) if row else None

    async def proposals(self, after: int | None, limit: int) -> list[Proposal]:
        return [proposal_of(row) for row in await self._pool.fetch(_PROPOSALS, below(after), limit)]

    async def acts(self, after: int | None, limit: int) -> list[Act]:
        rows = await self._pool.fetch(_ACTS, below(after), limit)
        return [
            Act(
                row["sequence"], row["kind"], row["caller"], row["at"], orjson.loads(row["payload"]), row["answer_kind"]
            )
            for row in rows
        ]
