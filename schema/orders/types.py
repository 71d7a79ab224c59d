from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated

import strawberry

from domain.errors import InvalidInput
from domain.orders import model as orders
from domain.units import Grams, MinorUnits
from schema.connections import Connection, ListOf, Page, numbered, page
from schema.context import Info
from schema.ledger.types import Asset
from schema.node import Node, represents
from schema.orders.terms import TradingTerms
from schema.scalars import Cursor, SequenceNumber

strawberry.enum(orders.OrderSide)
strawberry.enum(orders.OrderType)
strawberry.enum(orders.TimeInForce)
strawberry.enum(orders.OrderStatus)
strawberry.enum(
    orders.SelfTradePrevention,
    description=(
        "Nobody trades with themselves. CANCEL_NEWEST ends the incoming order, CANCEL_OLDEST the resting one, "
        "CANCEL_BOTH both; DECREMENT_AND_CANCEL takes the smaller's quantity from the larger and ends the smaller. FOK "
        "counts others' orders alone, and only with CANCEL_OLDEST those behind one's own. In an auction the newer "
        "order ends, whatever was said."
    ),
)
strawberry.enum(orders.Liquidity)
strawberry.enum(orders.TradingPhase)

CANDLES_MAX = 10_000
DEPTH_MAX = 100


@strawberry.enum
class CandleInterval(Enum):
    """The value is the length in seconds."""

    MINUTE_1 = 60
    MINUTE_5 = 300
    HOUR_1 = 3_600
    DAY_1 = 86_400


@strawberry.type(description="The viewer's side of a trade.")
class Fill:
    price: MinorUnits
    quantity: Grams
    fee: MinorUnits
    liquidity: orders.Liquidity
    at: datetime
    sequence: SequenceNumber


@strawberry.type
@represents(orders.Order, key=lambda order: order.id)
class Order(Node):
    side: orders.OrderSide
    type: orders.OrderType
    price: MinorUnits | None
    quantity: Grams
    filled: Grams = strawberry.field(name="filledQuantity")
    remaining: Grams = strawberry.field(name="remainingQuantity")
    average_price: MinorUnits | None
    status: orders.OrderStatus
    reason: str | None
    post_only: bool
    sequence: SequenceNumber
    placed_at: datetime
    expires_at: datetime | None

    @strawberry.field
    @staticmethod
    def client_order_id(order: strawberry.Parent[orders.Order]) -> strawberry.ID:
        return strawberry.ID(str(order.client_order_id))

    @strawberry.field
    @staticmethod
    def symbol(order: strawberry.Parent[orders.Order]) -> str:
        return order.instrument.symbol

    @strawberry.field(graphql_type=orders.TimeInForce)
    @staticmethod
    def time_in_force(order: strawberry.Parent[orders.Order]) -> orders.TimeInForce:
        return orders.TimeInForce.IOC if order.type is orders.OrderType.MARKET else order.time_in_force

    @strawberry.field(graphql_type=list[Fill])
    @staticmethod
    async def fills(order: strawberry.Parent[orders.Order], info: Info) -> list[orders.Fill]:
        return await info.context.loaders.fills.load(order) if order.filled else []


@strawberry.type
class PriceLevel:
    price: MinorUnits
    quantity: Grams
    orders: int


@strawberry.type(description="The phase, and what a call auction would come to if it ended now; null outside of one.")
class Trading:
    phase: orders.TradingPhase
    indicative_price: MinorUnits | None
    indicative_quantity: Grams | None
    surplus: Grams | None = strawberry.field(
        description="grams left over at that price: above 0 of BUYs, below 0 of SELLs"
    )


@strawberry.type(
    description=(
        "checksum: CRC-32 as 8 lower-case hex digits of the ASCII `price:quantity;` of the best min(depth, 10) asks, "
        "lowest first, then as many bids, highest first. The book's counter rises by 1 per committed change (a "
        "conflated update carries the last); trades have their own, +1 each; Fill and Ticker carry the trade's; "
        "Order.sequence is the command's."
    )
)
class OrderBook:
    symbol: str
    sequence: SequenceNumber
    checksum: str
    bids: list[PriceLevel]
    asks: list[PriceLevel]
    trading: Trading


@strawberry.type(
    description=(
        "The first message is a snapshot; each later one lists absolute level sizes (0 removes a level); apply it "
        "when previousSequence is yours, else subscribe again."
    )
)
class OrderBookUpdate:
    symbol: str
    sequence: SequenceNumber
    previous_sequence: SequenceNumber
    snapshot: bool
    bids: list[PriceLevel]
    asks: list[PriceLevel]
    checksum: str
    trading: Trading


@strawberry.type(
    description=(
        "open, high, low, volume: since 00:00 UTC (session start once sessions exist), null and 0 without a trade; "
        "lastPrice: ever."
    )
)
class Ticker:
    symbol: str
    last_price: MinorUnits | None
    best_bid: MinorUnits | None
    best_ask: MinorUnits | None
    open: MinorUnits | None
    high: MinorUnits | None
    low: MinorUnits | None
    volume: Grams
    sequence: SequenceNumber
    at: datetime


@strawberry.type(description="from inclusive, to exclusive; empty ones are left out")
class Candle:
    opened_at: datetime
    open: MinorUnits
    high: MinorUnits
    low: MinorUnits
    close: MinorUnits
    volume: Grams
    trades: int


@strawberry.type(description="A trade as the whole market sees it: no party is ever named.")
class PublicTrade:
    symbol: str
    sequence: SequenceNumber
    price: MinorUnits
    quantity: Grams
    aggressor: orders.OrderSide | None
    at: datetime

    @strawberry.field
    @staticmethod
    def cursor(trade: strawberry.Parent[orders.PublicTrade]) -> Cursor:
        return Cursor(trades_of(trade.symbol).cursor(trade))


@strawberry.type
@represents(orders.Instrument, key=lambda instrument: instrument.symbol)
class Instrument(Node):
    symbol: str
    asset: Asset
    tick_size: MinorUnits = strawberry.field(description="smallest price step, minor units per tonne")
    lot_size: Grams = strawberry.field(description="smallest quantity step")
    phase: orders.TradingPhase
    reference_price: MinorUnits | None
    price_floor: MinorUnits | None = strawberry.field(description="the lowest price that an order may have now")
    price_ceiling: MinorUnits | None = strawberry.field(description="the highest price that an order may have now")
    phase_until: datetime | None = strawberry.field(description="null where only an operator will end the phase")
    opens_at: datetime | None = strawberry.field(description="when a market that takes no orders will take them again")
    session_start: datetime | None
    session_end: datetime | None = strawberry.field(description="when DAY orders end")
    terms: TradingTerms

    @strawberry.field
    @staticmethod
    def currency(instrument: strawberry.Parent[orders.Instrument]) -> str:
        return instrument.money.code

    @strawberry.field(graphql_type=Ticker)
    @staticmethod
    async def ticker(instrument: strawberry.Parent[orders.Instrument], info: Info) -> orders.Ticker | None:
        return await info.context.streams.ticker(instrument.symbol)

    @strawberry.field(graphql_type=OrderBook)
    @staticmethod
    async def order_book(
        instrument: strawberry.Parent[orders.Instrument], info: Info, depth: int | None = 10
    ) -> orders.BookSnapshot | None:
        return await info.context.streams.book(instrument.symbol, checked_depth(depth))

    @strawberry.field(graphql_type=list[Candle])
    @staticmethod
    async def candles(
        instrument: strawberry.Parent[orders.Instrument],
        info: Info,
        interval: CandleInterval,
        start: Annotated[datetime, strawberry.argument(name="from")],
        end: Annotated[datetime | None, strawberry.argument(name="to")] = None,
    ) -> list[orders.Candle]:
        now, length = info.context.now, timedelta(seconds=interval.value)
        if (end or now) - start > CANDLES_MAX * length:
            raise InvalidInput(message=f"At most {CANDLES_MAX:,} candles: ask for a shorter time.", field="from")
        end = min(end or now, now + length)
        if start >= end:
            return []
        return list(await info.context.stores.market.candles(instrument.symbol, interval.value, start, end))

    @strawberry.field(graphql_type=Connection[PublicTrade])
    @staticmethod
    async def trades(
        instrument: strawberry.Parent[orders.Instrument],
        info: Info,
        first: int | None = 20,
        after: str | None = None,
    ) -> Page[orders.PublicTrade]:
        symbol, market = instrument.symbol, info.context.stores.market
        return await page(
            trades_of(symbol), first, after, lambda before, limit: market.public_trades(symbol, before, limit)
        )


def trades_of(symbol: str) -> ListOf[orders.PublicTrade, int]:
    """The public trades of one market as a list that cursors point into."""
    return numbered(f"trades.{symbol}", _trade_sequence)


def _trade_sequence(trade: orders.PublicTrade) -> int:
    return trade.sequence


def checked_depth(depth: int | None) -> int:
    """How many levels of each side; raises InvalidInput outside 1 to DEPTH_MAX."""
    if depth is None:
        return 10
    if not 1 <= depth <= DEPTH_MAX:
        raise InvalidInput(message=f"`depth` lies between 1 and {DEPTH_MAX}.", field="depth")
    return depth
