"""The call auction: one price for everybody, from the orders that were collected.

The price is the one at which most is traded; of several the one that leaves the smallest imbalance; of these the one
nearest to the reference; of two equally near, a draw by the seed. The same book, reference and seed give the same
price. Allocation is by price, then time.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate
from operator import attrgetter

from domain.orders.book import BookSide, OrderBook
from domain.orders.model import Order


@dataclass(frozen=True, slots=True)
class Clearing:
    """What an auction comes to. `surplus` is the grams left at that price: above 0 of BUYs, below 0 of SELLs."""

    price: int
    quantity: int
    surplus: int


def clearing(book: OrderBook, tick_size: int, reference: int | None, seed: int) -> Clearing | None:
    """None where nothing can be traded. Looks at the prices at which the two sides overlap alone.

    As the price rises demand falls and supply grows, so the most is traded at the last price that leaves no SELL over
    or at the next one; every price of one stretch without another order comes to the same.
    """
    best_bid, best_ask = book.bids.best(), book.asks.best()
    if best_bid is None or best_ask is None or best_bid.price < best_ask.price:
        return None
    low, high = best_ask.price, best_bid.price
    target = (low + high) // 2 if reference is None else reference
    overlap = _Overlap(book, low, high, tick_size)
    last = overlap.last_without_sells_left()
    found = [overlap.at(price) for price in (last, last + tick_size) if low <= price <= high]
    best = min((-each.quantity, abs(each.surplus)) for each in found)
    found = [
        replace(each, price=price)
        for each in found
        if (-each.quantity, abs(each.surplus)) == best
        for price in _near(target, tick_size, *overlap.stretch(each.price))
    ]
    nearest = min(abs(each.price - target) for each in found)
    found = [each for each in found if abs(each.price - target) == nearest]
    return found[_draw(seed, len(found))]


def eligible(side: BookSide, price: int) -> Order | None:
    """The next order of this side that trades at `price`; None where there is none left."""
    level = side.best()
    if level is None or side.rank(level.price) < side.rank(price):
        return None
    return level.first()


class _Overlap:
    """The prices at which the sides overlap: each side's ranks, rising, with the grams at each of them or better.

    Built from whole lists, since it is asked for with every batch of an auction, however many prices there are.
    """

    def __init__(self, book: OrderBook, low: int, high: int, tick_size: int) -> None:
        self._low, self._high, self._tick_size = low, high, tick_size
        self._bids, self._wanted = _cumulated(book.bids, low)
        self._asks, self._offered = _cumulated(book.asks, high)

    def at(self, price: int) -> Clearing:
        buys = self._wanted[bisect_left(self._bids, price)]
        sells = self._offered[bisect_left(self._asks, -price)]
        return Clearing(price, min(buys, sells), buys - sells)

    def last_without_sells_left(self) -> int:
        """On tick; just below the lowest price where there is none."""
        low, tick = self._low, self._tick_size
        ticks = range((self._high - low) // tick + 1)
        return low - tick + tick * bisect_left(ticks, True, key=lambda number: self.at(low + number * tick).surplus < 0)

    def stretch(self, price: int) -> tuple[int, int]:
        """The lowest and the highest price on tick that come to the same as this one."""
        bids, asks, tick = self._bids, self._asks, self._tick_size
        bid, ask = bisect_left(bids, price), bisect_left(asks, -price)
        lowest = max(-asks[ask], bids[bid - 1] + tick) if bid else -asks[ask]
        return lowest, min(bids[bid], -asks[ask - 1] - tick) if ask else bids[bid]


def _cumulated(side: BookSide, worst: int) -> tuple[list[int], list[int]]:
    """The ranks up to the worst price that can matter, rising, and the grams at each or better; after the best, 0."""
    ranks = side.ranks[bisect_left(side.ranks, side.rank(worst)) :]
    levels = map(side.levels.__getitem__, reversed(ranks))
    sums = list(accumulate(map(attrgetter("quantity"), levels), initial=0))
    return ranks, sums[::-1]


def _near(target: int, tick_size: int, low: int, high: int) -> list[int]:
    """The prices on tick next to the target in a range that begins on tick, the lower first."""
    below = low + (min(max(target, low), high) - low) // tick_size * tick_size
    return [below, below + tick_size] if below + tick_size <= high else [below]


def _draw(seed: int, choices: int) -> int:
    """A number below `choices` that the seed alone decides."""
    return int.from_bytes(blake2b(b"%d" % seed, digest_size=8).digest(), "big") % choices
