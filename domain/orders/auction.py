"""The call auction: one price for everybody, from the orders that were collected.

The price is the one at which most is traded; of several the one that leaves the smallest imbalance; of these the one
nearest to the reference; of two equally near, a draw by the seed. The same book, reference and seed give the same
price. Allocation is by price, then time.
"""

from bisect import bisect_left
from dataclasses import dataclass
from hashlib import blake2b

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

    Demand falls just above a bid and supply just below an ask, so that the best price is one of these, the next on
    tick, or the one nearest to the reference.
    """
    best_bid, best_ask = book.bids.best(), book.asks.best()
    if best_bid is None or best_ask is None or best_bid.price < best_ask.price:
        return None
    low, high = best_ask.price, best_bid.price
    target = (low + high) // 2 if reference is None else reference
    wanted, offered = _cumulated(book.bids, low), _cumulated(book.asks, high)
    candidates = {price + step for price, _ in wanted for step in (0, tick_size)}
    candidates |= {price - step for price, _ in offered for step in (0, tick_size)}
    candidates = {price for price in candidates if low <= price <= high} | _near(target, tick_size, low, high)
    found = [_at(price, wanted, offered) for price in sorted(candidates)]
    most = max(candidate.quantity for candidate in found)
    found = [candidate for candidate in found if candidate.quantity == most]
    least = min(abs(candidate.surplus) for candidate in found)
    found = [candidate for candidate in found if abs(candidate.surplus) == least]
    nearest = min(abs(candidate.price - target) for candidate in found)
    found = [candidate for candidate in found if abs(candidate.price - target) == nearest]
    return found[_draw(seed, len(found))]


def eligible(side: BookSide, price: int) -> Order | None:
    """The next order of this side that trades at `price`; None where there is none left."""
    level = side.best()
    if level is None or side.rank(level.price) < side.rank(price):
        return None
    return level.first()


def _cumulated(side: BookSide, worst: int) -> list[tuple[int, int]]:
    """(price, grams at it or better), best first, up to the worst price that can matter."""
    total, rows = 0, []
    limit = side.rank(worst)
    for level in side.best_first():
        if side.rank(level.price) < limit:
            break
        total += level.quantity
        rows.append((level.price, total))
    return rows


def _near(target: int, tick_size: int, low: int, high: int) -> set[int]:
    """The prices on tick next to the target, brought into the range."""
    below = min(max(target, low), high) // tick_size * tick_size
    return {price for price in (below, below + tick_size) if low <= price <= high}


def _at(price: int, wanted: list[tuple[int, int]], offered: list[tuple[int, int]]) -> Clearing:
    """`wanted` falls in price, `offered` rises; both hold sums."""
    buys = _sum_within(wanted, bisect_left(wanted, -price, key=lambda row: -row[0]), price)
    sells = _sum_within(offered, bisect_left(offered, price, key=lambda row: row[0]), price)
    return Clearing(price, min(buys, sells), buys - sells)


def _sum_within(rows: list[tuple[int, int]], index: int, price: int) -> int:
    """The sum at the row of exactly this price, else at the one before it."""
    if index < len(rows) and rows[index][0] == price:
        return rows[index][1]
    return rows[index - 1][1] if index else 0


def _draw(seed: int, choices: int) -> int:
    """A number below `choices` that the seed alone decides."""
    return int.from_bytes(blake2b(b"%d" % seed, digest_size=8).digest(), "big") % choices
