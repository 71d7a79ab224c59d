"""The book as the market sees it: sizes by price, its best levels, what changed between two views, and the checksum.

A view is a BookSnapshot of the best levels. Somebody who was sent one view and then every update has each later view:
updates carry absolute sizes, a level that left the view is sent with quantity 0, one that came into it is sent whole.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from zlib import crc32

from domain.orders.model import BookSnapshot, BookUpdate, OrderSide, PriceLevel, Trading

CHECKSUM_LEVELS = 10
CONTINUOUS = Trading()


class Depth:
    """The levels of one book, without its orders."""

    __slots__ = ("_levels", "_prices")

    def __init__(self) -> None:
        self._levels: dict[OrderSide, dict[int, PriceLevel]] = {side: {} for side in OrderSide}
        self._prices: dict[OrderSide, list[int]] = {side: [] for side in OrderSide}

    def set_level(self, side: OrderSide, level: PriceLevel) -> None:
        """The level as it is now; quantity 0 takes it out."""
        levels, prices = self._levels[side], self._prices[side]
        if level.quantity:
            if level.price not in levels:
                insort(prices, level.price)
            levels[level.price] = level
        elif levels.pop(level.price, None) is not None:
            del prices[bisect_left(prices, level.price)]

    def best(self, side: OrderSide, count: int) -> tuple[PriceLevel, ...]:
        """At most `count` levels: bids from the highest price down, asks from the lowest up."""
        levels, prices = self._levels[side], self._prices[side]
        chosen = prices[: -count - 1 : -1] if side is OrderSide.BUY else prices[:count]
        return tuple(levels[price] for price in chosen)

    def view(self, symbol: str, sequence: int, count: int, trading: Trading = CONTINUOUS) -> BookSnapshot:
        bids, asks = self.best(OrderSide.BUY, count), self.best(OrderSide.SELL, count)
        return BookSnapshot(symbol, sequence, bids, asks, checksum(bids, asks), trading)


def checksum(bids: Sequence[PriceLevel], asks: Sequence[PriceLevel]) -> str:
    """CRC-32 as 8 lower-case hex digits over `price:quantity;` of the best ten asks, then of the best ten bids."""
    levels = (*asks[:CHECKSUM_LEVELS], *bids[:CHECKSUM_LEVELS])
    return f"{crc32(''.join(f'{level.price}:{level.quantity};' for level in levels).encode()):08x}"


def first_update(view: BookSnapshot) -> BookUpdate:
    """A view as the first message of a stream; nothing comes before it, so its previous sequence is 0."""
    return BookUpdate(view.symbol, view.sequence, 0, True, view.bids, view.asks, view.checksum, view.trading)


def update_between(sent: BookSnapshot, view: BookSnapshot) -> BookUpdate | None:
    """What turns the view that was sent into a newer one; None where the two show the same levels and phase."""
    bids, asks = _changes(sent.bids, view.bids), _changes(sent.asks, view.asks)
    if not bids and not asks and sent.trading == view.trading:
        return None
    return BookUpdate(view.symbol, view.sequence, sent.sequence, False, bids, asks, view.checksum, view.trading)


def _changes(before: Sequence[PriceLevel], after: Sequence[PriceLevel]) -> tuple[PriceLevel, ...]:
    if before == after:
        return ()
    known = {level.price: level for level in before}
    changed = [level for level in after if known.pop(level.price, None) != level]
    gone = [PriceLevel(price, 0, 0) for price in known]
    return (*gone, *changed)
