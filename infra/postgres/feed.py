"""What a replica of one market is loaded from and then kept up with; each read is one moment of the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import orjson

from domain.orders.model import Candle, OrderSide, PriceLevel, PublicTrade, Trading, TradingPhase
from infra.postgres.connection import Database
from infra.postgres.market import public_trade_from_row

Level = tuple[OrderSide, PriceLevel]

_LEVELS = """
    SELECT side, price, sum(remaining)::bigint AS quantity, count(*)::int AS orders
    FROM orders WHERE instrument = $1 AND status IN ('OPEN', 'PARTIALLY_FILLED') GROUP BY side, price"""
_LAST_CHANGE = """
    SELECT c.sequence, c.indicative_price, c.indicative_quantity, c.surplus, b.at
    FROM book_change c JOIN batch b ON b.sequence = c.batch
    WHERE c.instrument = $1 ORDER BY c.sequence DESC LIMIT 1"""
_PHASE = """
    SELECT phase, CASE WHEN terms::jsonb ? 'calendar' THEN session_start END AS session_start
    FROM instrument WHERE id = $1"""
_TRADE = "SELECT sequence, price, quantity, aggressor, at FROM trade WHERE instrument = $1 "
_LAST_TRADE = _TRADE + "ORDER BY sequence DESC LIMIT 1"
_TRADES_AFTER = _TRADE + "AND sequence > $2 ORDER BY sequence LIMIT $3"
_DAY = """
    SELECT (array_agg(open ORDER BY opened_at))[1] AS open, max(high) AS high, min(low) AS low,
           (array_agg(close ORDER BY opened_at DESC))[1] AS close,
           least(sum(volume), 9007199254740991)::bigint AS volume,
           sum(trades)::bigint AS trades
    FROM candle WHERE instrument = $1 AND opened_at >= $2 HAVING count(*) > 0"""
_NEWS = """
    (SELECT c.sequence, c.previous_sequence, c.levels, c.phase, c.indicative_price, c.indicative_quantity, c.surplus,
            NULL::bigint AS price, NULL::bigint AS quantity,
            NULL::text AS aggressor, b.at
     FROM book_change c JOIN batch b ON b.sequence = c.batch
     WHERE c.instrument = $1 AND c.sequence > $2 ORDER BY c.sequence LIMIT $4)
    UNION ALL
    (SELECT sequence, NULL, NULL, NULL, NULL, NULL, NULL, price, quantity, aggressor, at
     FROM trade WHERE instrument = $1 AND sequence > $3 ORDER BY sequence LIMIT $4)"""


@dataclass(frozen=True, slots=True)
class MarketImage:
    """A whole market at one moment: `day` is the candle since the session's start, or since `start`.

    `changed_at` is None before the first change, `session_start` without a calendar and while closed.
    """

    book_sequence: int
    levels: Sequence[Level]
    last_trade: PublicTrade | None
    day: Candle | None
    changed_at: datetime | None
    trading: Trading
    session_start: datetime | None


@dataclass(frozen=True, slots=True)
class BookChange:
    sequence: int
    previous_sequence: int
    levels: Sequence[Level]
    at: datetime
    trading: Trading


class PostgresFeed:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    async def image(self, instrument: int, symbol: str, start: datetime) -> MarketImage:
        """`start` is that of the day where the session's is not known."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            change = await connection.fetchrow(_LAST_CHANGE, instrument)
            levels = await connection.fetch(_LEVELS, instrument)
            trade = await connection.fetchrow(_LAST_TRADE, instrument)
            phase = await connection.fetchrow(_PHASE, instrument)
            assert phase is not None
            start = phase["session_start"] or start
            day = await connection.fetchrow(_DAY, instrument, start)
        return MarketImage(
            change["sequence"] if change else 0,
            [(OrderSide(row["side"]), PriceLevel(row["price"], row["quantity"], row["orders"])) for row in levels],
            public_trade_from_row(trade, symbol) if trade else None,
            Candle(opened_at=start, **day) if day else None,
            change["at"] if change else None,
            _trading(phase["phase"], change),
            phase["session_start"],
        )

    async def news(
        self, instrument: int, symbol: str, book_sequence: int, trade_sequence: int, limit: int
    ) -> tuple[list[BookChange], list[PublicTrade]]:
        """Book changes and trades past these counters, oldest first, at most `limit` of each."""
        rows = await self._pool.fetch(_NEWS, instrument, book_sequence, trade_sequence, limit)
        changes = [
            BookChange(
                row["sequence"],
                row["previous_sequence"],
                _levels(row["levels"]),
                row["at"],
                _trading(row["phase"] or TradingPhase.CONTINUOUS, row),
            )
            for row in rows
            if row["levels"] is not None
        ]
        return changes, [public_trade_from_row(row, symbol) for row in rows if row["levels"] is None]

    async def trades_after(self, instrument: int, symbol: str, sequence: int, limit: int) -> list[PublicTrade]:
        """Oldest first."""
        rows = await self._pool.fetch(_TRADES_AFTER, instrument, sequence, limit)
        return [public_trade_from_row(row, symbol) for row in rows]


def _trading(phase: str, change: asyncpg.Record | None) -> Trading:
    if change is None:
        return Trading(TradingPhase(phase))
    return Trading(TradingPhase(phase), change["indicative_price"], change["indicative_quantity"], change["surplus"])


def _levels(text: str) -> list[Level]:
    return [
        (OrderSide(side), PriceLevel(price, quantity, orders)) for side, price, quantity, orders in orjson.loads(text)
    ]
