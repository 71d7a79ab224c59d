"""News as the writer left it: which batches touched whom, and each person's events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from domain.events import AccountEvent, BalanceChanged, OrderUpdated, RedemptionUpdated, TradeExecuted
from domain.ledger.model import Asset, Balance
from domain.orders.model import Order, OrderReason, OrderStatus
from domain.rewards.model import Redemption, RedemptionStatus
from infra.postgres.catalogue import Catalogue
from infra.postgres.connection import Database
from infra.postgres.market import PostgresMarket, fill_from_row
from infra.postgres.rewards import PostgresRewards

_PAGES = """
    SELECT wanted.slot, e.first_sequence, e.payload, e.at
    FROM unnest($1::bigint[], $2::bigint[], $3::int[]) WITH ORDINALITY AS wanted (owner, after, count, slot)
    CROSS JOIN LATERAL (
        SELECT first_sequence, payload, at FROM account_event
        WHERE owner = wanted.owner AND last_sequence > wanted.after ORDER BY last_sequence LIMIT wanted.count) AS e
    ORDER BY wanted.slot, e.first_sequence"""

_LAST_SEQUENCES = """
    SELECT (SELECT last_sequence FROM account_event WHERE owner = asked.owner ORDER BY last_sequence DESC LIMIT 1)
    FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (owner, slot) ORDER BY slot"""


class Wanted(NamedTuple):
    """At most `limit` events of this owner that come after the sequence `after`."""

    owner: int
    after: int
    limit: int


class Batch(NamedTuple):
    sequence: int
    owners: Sequence[int]
    instruments: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Things:
    """Everything that the events of some pages name; what may change since is taken from the event itself."""

    orders: Mapping[int, Order]
    trades: Mapping[tuple[int, int], asyncpg.Record]
    redemptions: Mapping[int, Redemption]
    assets: Mapping[int, Asset]


class PostgresEvents:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._catalogue = Catalogue(database)
        self._market = PostgresMarket(database)
        self._rewards = PostgresRewards(database)

    async def newest_batch(self) -> int:
        return int(await self._pool.fetchval("SELECT coalesce(max(sequence), 0) FROM batch"))

    async def batches_after(self, sequence: int, limit: int) -> list[Batch]:
        """Oldest first."""
        rows = await self._pool.fetch(
            "SELECT sequence, owners, instruments FROM batch WHERE sequence > $1 ORDER BY sequence LIMIT $2",
            sequence,
            limit,
        )
        return [Batch(row["sequence"], row["owners"], row["instruments"]) for row in rows]

    async def last_sequences(self, owners: Sequence[int]) -> list[int]:
        """For each owner that of the newest event; 0 before the first."""
        rows = await self._pool.fetch(_LAST_SEQUENCES, owners)
        return [row["last_sequence"] or 0 for row in rows]

    async def pages(self, wanted: Sequence[Wanted]) -> list[list[AccountEvent]]:
        """For each request its events, oldest first; all of them cost a handful of queries together."""
        rows = await self._pool.fetch(
            _PAGES, [page.owner for page in wanted], [page.after for page in wanted], [page.limit for page in wanted]
        )
        found: list[list[tuple[int, datetime, list[Any]]]] = [[] for _ in wanted]
        for row in rows:
            slot = row["slot"] - 1
            for sequence, entry in enumerate(orjson.loads(row["payload"]), row["first_sequence"]):
                if sequence > wanted[slot].after and len(found[slot]) < wanted[slot].limit:
                    found[slot].append((sequence, row["at"], entry))
        things = await self._things([entry for page in found for _, _, entry in page])
        return [[AccountEvent(sequence, at, _payload(entry, things)) for sequence, at, entry in page] for page in found]

    async def _things(self, entries: Sequence[list[Any]]) -> _Things:
        order_ids = {entry[1] for entry in entries if entry[0] in ("T", "O")}
        orders = await self._market.orders_by_id(list(order_ids)) if order_ids else {}
        trades = await self._market.trade_rows(
            [(orders[entry[1]].instrument.id, entry[7]) for entry in entries if entry[0] == "T"]
        )
        redemption_ids = {entry[1] for entry in entries if entry[0] == "R"}
        redemptions = await self._rewards.redemptions_by_id(list(redemption_ids)) if redemption_ids else {}
        assets = await self._catalogue.assets(entry[1] for entry in entries if entry[0] == "B")
        return _Things(orders, trades, redemptions, assets)


def _payload(entry: list[Any], things: _Things) -> OrderUpdated | TradeExecuted | BalanceChanged | RedemptionUpdated:
    match entry:
        case ["T", order_id, remaining, notional, status, reason, trades_until, trade_sequence, *terms]:
            order = _order_then(things.orders[order_id], remaining, notional, status, reason, trades_until, terms)
            trade = things.trades[order.instrument.id, trade_sequence]
            return TradeExecuted(order, fill_from_row(trade, order_id, order.side))
        case ["O", order_id, remaining, notional, status, reason, trades_until, *terms]:
            order = _order_then(things.orders[order_id], remaining, notional, status, reason, trades_until, terms)
            return OrderUpdated(order)
        case ["R", redemption_id, status]:
            return RedemptionUpdated(replace(things.redemptions[redemption_id], status=RedemptionStatus(status)))
        case ["B", asset_id, available, held, reason]:
            return BalanceChanged(Balance(things.assets[asset_id], available, held), reason)
    raise ValueError(f"unknown event: {entry}")


def _order_then(
    order: Order,
    remaining: int,
    notional: int,
    status: str,
    reason: str | None,
    trades_until: int,
    terms: list[Any],
) -> Order:
    """`terms` are quantity, price and what moved it; none where they were still those that it was placed with."""
    placed: list[Any] = [order.placed_quantity or order.quantity, order.placed_price or order.price, None]
    quantity, price, moved_by = terms or placed
    return replace(
        order,
        remaining=remaining,
        notional=int(notional),
        status=OrderStatus(status),
        reason=OrderReason(reason) if reason else None,
        trades_until=trades_until,
        quantity=quantity,
        price=price,
        moved_by=moved_by,
    )
