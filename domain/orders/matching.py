"""Who trades with whom: price, then time, at the resting order's price.

Pure but for the book and the orders it is given: no clock, no ids, no balances. Self-trade prevention: an order that
meets one of its own owner stops there ("cancel the incoming rest").
"""

from typing import NamedTuple

from domain.orders.book import OrderBook
from domain.orders.model import Order


class Match(NamedTuple):
    maker: Order
    price: int
    quantity: int


def match(taker: Order, book: OrderBook, worst: int) -> tuple[list[Match], bool]:
    """Fills `taker` up to the price `worst`; True with the matches where it met an order of its own owner."""
    matches: list[Match] = []
    makers = book.opposite(taker.side)
    limit = makers.rank(worst)
    while taker.remaining and makers.ranks and makers.ranks[-1] >= limit:
        maker = makers.levels[makers.ranks[-1]].first()
        if maker.owner == taker.owner:
            return matches, True
        quantity = min(taker.remaining, maker.remaining)
        taker.remaining -= quantity
        book.fill(maker, quantity)
        matches.append(Match(maker, maker.price, quantity))
    return matches, False


def would_trade(order: Order, book: OrderBook) -> bool:
    """True where the best opposite price is within the order's limit, whoever rests there."""
    makers = book.opposite(order.side)
    return bool(makers.ranks) and makers.ranks[-1] >= makers.rank(order.price)


def is_fillable(order: Order, book: OrderBook, worst: int) -> bool:
    """True where the whole order would fill at once up to `worst`, counting nothing behind one of its own owner."""
    makers = book.opposite(order.side)
    limit = makers.rank(worst)
    wanted = order.remaining
    for level in makers.best_first():
        if makers.rank(level.price) < limit:
            return False
        for maker in level.resting():
            if maker.owner == order.owner:
                return False
            wanted -= maker.remaining
            if wanted <= 0:
                return True
    return False
