"""The public feeds. Their items are domain objects straight from the streams: nothing here depends on who listens."""

from collections.abc import AsyncIterator

import strawberry

from domain.errors import InvalidInput, NotFound
from domain.orders import model as orders
from schema.context import Info
from schema.orders.queries import find_instrument
from schema.orders.types import OrderBookUpdate, PublicTrade, Ticker, checked_depth, trades_of
from schema.scalars import Cursor

SYMBOLS_MAX = 50


@strawberry.type
class OrderSubscriptions:
    @strawberry.subscription(graphql_type=Ticker)
    @staticmethod
    async def ticker(info: Info, symbols: list[str]) -> AsyncIterator[orders.Ticker]:
        wanted = list(dict.fromkeys(symbols))
        if not 1 <= len(wanted) <= SYMBOLS_MAX:
            raise InvalidInput(message=f"Between 1 and {SYMBOLS_MAX} symbols can be watched.", field="symbols")
        for symbol in wanted:
            await _known(info, symbol)
        return info.context.streams.tickers(wanted)

    @strawberry.subscription(graphql_type=PublicTrade)
    @staticmethod
    async def trades(info: Info, symbol: str, after: Cursor | None = None) -> AsyncIterator[orders.PublicTrade]:
        await _known(info, symbol)
        return info.context.streams.trades(symbol, trades_of(symbol).after(after))

    @strawberry.subscription(graphql_type=OrderBookUpdate)
    @staticmethod
    async def order_book(info: Info, symbol: str, depth: int | None = 10) -> AsyncIterator[orders.BookUpdate]:
        levels = checked_depth(depth)
        await _known(info, symbol)
        return info.context.streams.book_updates(symbol, levels)


async def _known(info: Info, symbol: str) -> None:
    if await find_instrument(info.context, symbol) is None:
        raise NotFound(message="There is no instrument with this symbol.")
