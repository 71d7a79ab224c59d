"""Who trades with whom: price, then priority, at the resting order's price.

Pure but for the book and the orders it is given: no clock, no ids, no balances. Nobody trades with themselves: what
happens where an order meets one of its own owner's is that order's choice (SelfTradePrevention).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.orders.book import BUY, Match, OrderBook
from domain.orders.model import Order, OrderSide, SelfTradePrevention
from domain.orders.price_bounds import ANY_PRICE

NOTHING: tuple[Sequence[Match], None] = (), None


@dataclass(slots=True)
class OwnOrders:
    """What became of the taker's owner's own orders that it met: taken out of the book, or made smaller."""

    removed: list[Order] = field(default_factory=list)
    reduced: Order | None = None
    reduced_by: int = 0
    taker_reduced_by: int = 0
    ends_taker: bool = False


def match(
    taker: Order, book: OrderBook, bounds: tuple[int, int] = ANY_PRICE
) -> tuple[Sequence[Match], OwnOrders | None]:
    """Fills `taker` up to its limit, until a trade would lie out of `bounds`; own orders are met wherever they lie.

    None where it met none of these.
    """
    if taker.side is BUY:
        makers, limit = book.asks, -taker.price
    else:
        makers, limit = book.bids, taker.price
    ranks = makers.ranks
    if not ranks or ranks[-1] < limit:
        return NOTHING
    matches: list[Match] = []
    own: OwnOrders | None = None
    low, high = bounds
    while taker.remaining and ranks and ranks[-1] >= limit:
        level = makers.levels[ranks[-1]]
        if low <= level.price <= high:
            taker.remaining = book.take(makers, level, taker.remaining, taker.owner, matches)
            if not taker.remaining or not level.orders:
                continue
        elif level.first().owner != taker.owner:
            break
        own = own or OwnOrders()
        _prevent(taker, level.first(), book, own)
        if own.ends_taker:
            break
    return matches, own


def _prevent(taker: Order, maker: Order, book: OrderBook, own: OwnOrders) -> None:
    mode = taker.self_trade
    if mode is SelfTradePrevention.DECREMENT_AND_CANCEL:
        _decrement(taker, maker, book, own)
        return
    own.ends_taker = mode is not SelfTradePrevention.CANCEL_OLDEST
    if mode is not SelfTradePrevention.CANCEL_NEWEST:
        book.remove(maker)
        own.removed.append(maker)


def _decrement(taker: Order, maker: Order, book: OrderBook, own: OwnOrders) -> None:
    """The larger loses what is left of the smaller, which ends; two of one size end both."""
    own.ends_taker = taker.remaining <= maker.remaining
    if taker.remaining < maker.remaining:
        book.reduce(maker, taker.remaining)
        own.reduced, own.reduced_by = maker, taker.remaining
        return
    book.remove(maker)
    own.removed.append(maker)
    if taker.remaining > maker.remaining:
        taker.change_terms(taker.quantity - maker.remaining, taker.price)
        own.taker_reduced_by += maker.remaining


def would_trade(order: Order, book: OrderBook) -> bool:
    """True where the best opposite price is within the order's limit, whoever rests there."""
    makers = book.opposite(order.side)
    return bool(makers.ranks) and makers.ranks[-1] >= makers.rank(order.price)


def would_meet_its_own(order: Order, book: OrderBook) -> bool:
    """True where an order of its own owner stands at a price within the order's limit."""
    own = book.best_of(order.owner, OrderSide.SELL if order.side is BUY else BUY)
    return own is not None and (own <= order.price if order.side is BUY else own >= order.price)


def is_fillable(order: Order, book: OrderBook, bounds: tuple[int, int] = ANY_PRICE) -> bool:
    """True where the whole order would fill at once within `bounds` with others' orders.

    One of its own owner's in the way is passed over where it would be cancelled for this order, else nothing behind it
    counts.
    """
    makers = book.opposite(order.side)
    limit = makers.rank(order.price)
    low, high = bounds
    wanted = order.remaining
    for level in makers.best_first():
        if makers.rank(level.price) < limit:
            return False
        for maker in level.resting():
            if maker.owner == order.owner:
                if order.self_trade is SelfTradePrevention.CANCEL_OLDEST:
                    continue
                return False
            if not low <= level.price <= high:
                return False
            wanted -= maker.remaining
            if wanted <= 0:
                return True
    return False
