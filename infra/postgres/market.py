"""Instruments, a person's orders with their fills, and the public tape. A page costs the same however long the list."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from domain.orders.model import Candle, Fill, Instrument, Liquidity, Order, OrderSide, PriceLevel, PublicTrade
from infra.postgres.catalogue import Catalogue
from infra.postgres.connection import Database
from infra.postgres.paging import below, newest_of_owner
from infra.postgres.rows import order_of

_ORDER = "SELECT * FROM orders "
# An order has the key and the number of the command that placed it.
_ORDER_BY_KEY = """
    SELECT o.* FROM command c JOIN orders o ON o.id = c.sequence AND o.owner = c.caller
    WHERE c.caller = $1 AND c.key = $2"""
# The statuses stand in the text, not in a parameter: only so can a partial index serve them.
_OPEN = " AND status IN ('OPEN', 'PARTIALLY_FILLED')"
_PAGES = {
    (by_symbol, open_only): newest_of_owner(
        "orders", (" AND instrument = $4" if by_symbol else "") + (_OPEN if open_only else "")
    )
    for by_symbol in (False, True)
    for open_only in (False, True)
}
_OWN_LEVELS = f"""
    SELECT side, price, sum(remaining)::bigint AS quantity, count(*)::int AS orders
    FROM orders WHERE owner = $1 AND instrument = $2{_OPEN} GROUP BY side, price"""
_FILL_COLUMNS = "t.instrument, t.sequence, t.price, t.quantity, t.buyer_fee, t.seller_fee, t.aggressor, t.at"
_FILLS = f"""
    SELECT o.slot, {_FILL_COLUMNS}
    FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS o (slot, id, until)
    JOIN trade t ON t.buy_order = o.id AND t.sequence <= o.until
    UNION ALL
    SELECT o.slot, {_FILL_COLUMNS}
    FROM unnest($4::int[], $5::bigint[], $6::bigint[]) AS o (slot, id, until)
    JOIN trade t ON t.sell_order = o.id AND t.sequence <= o.until
    ORDER BY sequence"""
_TRADES_BY_SEQUENCE = f"""
    SELECT {_FILL_COLUMNS} FROM unnest($1::int[], $2::bigint[]) AS wanted (instrument, sequence)
    JOIN trade t ON t.instrument = wanted.instrument AND t.sequence = wanted.sequence"""
_CANDLES = """
    SELECT bin AS opened_at, (array_agg(open ORDER BY opened_at))[1] AS open, max(high) AS high, min(low) AS low,
           (array_agg(close ORDER BY opened_at DESC))[1] AS close,
           least(sum(volume), 9007199254740991)::bigint AS volume,
           sum(trades)::bigint AS trades
    FROM (SELECT *, date_bin($2::interval, opened_at, timestamptz '1970-01-01 00:00Z') AS bin FROM candle
          WHERE instrument = $1 AND opened_at >= $3 AND opened_at < $4::timestamptz + $2::interval) AS minutes
    WHERE bin >= $3 AND bin < $4
    GROUP BY bin ORDER BY bin"""


class PostgresMarket:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._catalogue = Catalogue(database)

    async def instruments(self) -> list[Instrument]:
        """By symbol."""
        return await self._catalogue.newest_instruments()

    async def instrument(self, symbol: str) -> Instrument | None:
        return await self._catalogue.instrument_by_symbol(symbol)

    async def order(self, owner: int, client_order_id: UUID) -> Order | None:
        rows = await self._pool.fetch(_ORDER_BY_KEY, owner, client_order_id)
        return (await self._orders(rows))[0] if rows else None

    async def order_by_id(self, owner: int, order_id: int) -> Order | None:
        order = (await self.orders_by_id([order_id])).get(order_id)
        return order if order and order.owner == owner else None

    async def orders(
        self, owner: int, after: int | None, limit: int, symbol: str | None, open_only: bool
    ) -> list[Order]:
        arguments = [owner, below(after), limit]
        if symbol is not None:
            instrument = await self._catalogue.instrument_by_symbol(symbol)
            if instrument is None:
                return []
            arguments.append(instrument.id)
        return await self._orders(await self._pool.fetch(_PAGES[symbol is not None, open_only], *arguments))

    async def orders_by_id(self, ids: Sequence[int]) -> dict[int, Order]:
        """Anybody's orders."""
        rows = await self._pool.fetch(_ORDER + "WHERE id = ANY($1::bigint[])", ids)
        return {order.id: order for order in await self._orders(rows)}

    async def own_levels(self, owner: int, instrument: Instrument) -> list[tuple[OrderSide, PriceLevel]]:
        rows = await self._pool.fetch(_OWN_LEVELS, owner, instrument.id)
        return [(OrderSide(row["side"]), PriceLevel(row["price"], row["quantity"], row["orders"])) for row in rows]

    async def fills(self, orders: Sequence[Order]) -> list[list[Fill]]:
        """One order may come more than once, as it was at different times."""
        fills: list[list[Fill]] = [[] for _ in orders]
        traded = [(slot, order) for slot, order in enumerate(orders) if order.filled]
        buys, sells = (
            [(slot, order.id, order.trades_until) for slot, order in traded if order.side is side]
            for side in (OrderSide.BUY, OrderSide.SELL)
        )
        rows = await self._pool.fetch(_FILLS, *_columns(buys), *_columns(sells)) if traded else []
        for row in rows:
            order = orders[row["slot"]]
            fills[row["slot"]].append(fill_from_row(row, order.id, order.side))
        return fills

    async def trade_rows(self, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], asyncpg.Record]:
        """Rows for `fill_from_row` by (instrument id, trade sequence)."""
        instruments, sequences = [key[0] for key in keys], [key[1] for key in keys]
        rows = await self._pool.fetch(_TRADES_BY_SEQUENCE, instruments, sequences) if keys else []
        return {(row["instrument"], row["sequence"]): row for row in rows}

    async def public_trades(self, symbol: str, before: int | None, limit: int) -> list[PublicTrade]:
        instrument = await self._catalogue.instrument_by_symbol(symbol)
        if instrument is None:
            return []
        rows = await self._pool.fetch(
            """SELECT sequence, price, quantity, aggressor, at FROM trade
               WHERE instrument = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3""",
            instrument.id,
            below(before),
            limit,
        )
        return [public_trade_from_row(row, symbol) for row in rows]

    async def candles(self, symbol: str, seconds: int, start: datetime, end: datetime) -> list[Candle]:
        """Those that open in [start, end), oldest first; intervals are counted from 00:00 UTC."""
        instrument = await self._catalogue.instrument_by_symbol(symbol)
        if instrument is None:
            return []
        rows = await self._pool.fetch(_CANDLES, instrument.id, timedelta(seconds=seconds), start, end)
        return [Candle(**row) for row in rows]

    async def _orders(self, rows: Sequence[asyncpg.Record]) -> list[Order]:
        instruments = await self._catalogue.instruments(row["instrument"] for row in rows)
        return [order_of(row, instruments) for row in rows]


def fill_from_row(row: asyncpg.Record, order_id: int, side: OrderSide) -> Fill:
    """A trade as the party with this order and side sees it."""
    return Fill(
        order_id=order_id,
        price=row["price"],
        quantity=row["quantity"],
        fee=row["buyer_fee"] if side is OrderSide.BUY else row["seller_fee"],
        liquidity=_liquidity(row["aggressor"], side),
        at=row["at"],
        sequence=row["sequence"],
    )


def public_trade_from_row(row: asyncpg.Record, symbol: str) -> PublicTrade:
    aggressor = OrderSide(row["aggressor"]) if row["aggressor"] else None
    return PublicTrade(symbol, row["sequence"], row["price"], row["quantity"], aggressor, row["at"])


def _liquidity(aggressor: str | None, side: OrderSide) -> Liquidity:
    if aggressor is None:
        return Liquidity.AUCTION
    return Liquidity.TAKER if aggressor == side else Liquidity.MAKER


def _columns(rows: Sequence[tuple[int, int, int]]) -> tuple[list[int], ...]:
    return tuple([row[column] for row in rows] for column in range(3))
