"""The order book of one instrument: resting orders by price, then by sequence.

A side keeps its prices as ranks (bids: price, asks: minus price), so that the best is always the largest and one loop
serves both sides. A level keeps its orders in a queue; an order that ended elsewhere stays in the queue until it comes
to the front, marked by `resting`, so that cancelling costs the same in a level of ten or of ten thousand.

Invariant: while the market trades continuously, the best bid is below the best ask after every command.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from hashlib import blake2b

from domain.orders.model import Order, OrderSide, PriceLevel

COMPACT_AFTER = 64


class Level:
    """The orders at one price, oldest first; `quantity` and `count` are of those that still rest."""

    __slots__ = ("count", "orders", "price", "quantity")

    def __init__(self, price: int) -> None:
        self.price = price
        self.orders: deque[Order] = deque()
        self.quantity = 0
        self.count = 0

    def first(self) -> Order:
        """The oldest resting order; only for a level that has one."""
        orders = self.orders
        while not (first := orders[0]).resting:
            orders.popleft()
        return first

    def resting(self) -> Iterator[Order]:
        return (order for order in self.orders if order.resting)


class BookSide:
    """`changed` is the prices whose level differs from what was last told."""

    __slots__ = ("changed", "levels", "ranks", "side", "sign")

    def __init__(self, side: OrderSide) -> None:
        self.side = side
        self.sign = 1 if side is OrderSide.BUY else -1
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []
        self.changed: set[int] = set()

    def rank(self, price: int) -> int:
        return self.sign * price

    def best(self) -> Level | None:
        return self.levels[self.ranks[-1]] if self.ranks else None

    def best_first(self) -> Iterator[Level]:
        return (self.levels[rank] for rank in reversed(self.ranks))

    def add(self, order: Order) -> None:
        price = order.price
        rank = self.sign * price
        try:
            level = self.levels[rank]
        except KeyError:
            level = self.levels[rank] = Level(price)
            insort(self.ranks, rank)
        level.orders.append(order)
        level.quantity += order.remaining
        level.count += 1
        self.changed.add(price)

    def take(self, order: Order, quantity: int) -> None:
        """Removes `quantity` of a resting order from its level, and the order where nothing of it is left to rest."""
        price = order.price
        self.changed.add(price)
        rank = self.sign * price
        level = self.levels[rank]
        level.quantity -= quantity
        if order.resting:
            return
        level.count = count = level.count - 1
        if count == 0:
            del self.levels[rank]
            if self.ranks[-1] == rank:
                self.ranks.pop()
            else:
                del self.ranks[bisect_left(self.ranks, rank)]
        elif (length := len(level.orders)) > COMPACT_AFTER and length > 2 * count:
            level.orders = deque(level.resting())


class Standing:
    """What one owner has in the book: its orders by id, in the order of their priority, and the grams of its BUYs.

    `known` is the best price of each side that was asked for: it is kept from then on, and goes with its order.
    """

    __slots__ = ("buying", "known", "orders")

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.buying = 0
        self.known: dict[OrderSide, int | None] | None = None

    def best(self, side: OrderSide) -> int | None:
        """Its highest BUY or lowest SELL."""
        if self.known is None:
            self.known = {}
        if side not in self.known:
            prices = (order.price for order in self.orders.values() if order.side is side)
            self.known[side] = max(prices, default=None) if side is OrderSide.BUY else min(prices, default=None)
        return self.known[side]

    def came(self, order: Order, known: dict[OrderSide, int | None]) -> None:
        if order.side in known:
            prices = [order.price] if (best := known[order.side]) is None else [order.price, best]
            known[order.side] = max(prices) if order.side is OrderSide.BUY else min(prices)

    def went(self, order: Order, known: dict[OrderSide, int | None]) -> None:
        if known.get(order.side) == order.price:
            del known[order.side]


class OrderBook:
    """`digest` names the whole of what rests."""

    __slots__ = ("_digest", "_marks", "_touched", "asks", "bids", "standing")

    def __init__(self) -> None:
        self.bids = BookSide(OrderSide.BUY)
        self.asks = BookSide(OrderSide.SELL)
        self._digest = 0
        self._marks: dict[int, int] = {}
        self._touched: list[Order] = []
        self.standing: dict[int, Standing] = {}

    def side(self, side: OrderSide) -> BookSide:
        return self.bids if side is OrderSide.BUY else self.asks

    def opposite(self, side: OrderSide) -> BookSide:
        return self.asks if side is OrderSide.BUY else self.bids

    @property
    def digest(self) -> int:
        """128 bits. What changed since it was last asked for is marked only now: most orders come and go between."""
        marks = self._marks
        for order in {order.id: order for order in self._touched}.values():
            self._digest ^= marks.pop(order.id, 0)
            if order.resting:
                mark = marks[order.id] = _mark(order)
                self._digest ^= mark
        self._touched.clear()
        return self._digest

    def rest(self, order: Order) -> None:
        """Puts an order at the end of its level."""
        order.resting = True
        self._touched.append(order)
        owner = order.owner
        try:
            standing = self.standing[owner]
        except KeyError:
            standing = self.standing[owner] = Standing()
        standing.orders[order.id] = order
        if standing.known is not None:
            standing.came(order, standing.known)
        if order.side is OrderSide.BUY:
            standing.buying += order.remaining
            self.bids.add(order)
        else:
            self.asks.add(order)

    def fill(self, order: Order, quantity: int) -> None:
        """Takes a fill out of a resting order; one that is filled leaves the book."""
        order.remaining = left = order.remaining - quantity
        if left == 0:
            order.resting = False
        self._take(order, quantity)

    def reduce(self, order: Order, quantity: int) -> None:
        """Makes a resting order smaller, by less than is left of it; it keeps its place."""
        order.change_terms(order.quantity - quantity, order.price)
        self._take(order, quantity)

    def remove(self, order: Order) -> None:
        """Takes a resting order out, whatever is left of it."""
        order.resting = False
        self._take(order, order.remaining)

    def orders_of(self, owner: int) -> list[Order]:
        """In the order of their priority."""
        standing = self.standing.get(owner)
        return [] if standing is None else list(standing.orders.values())

    def take_changes(self) -> list[tuple[OrderSide, int]]:
        """The prices whose level differs from what was last told, BUY side first; from now on they count as told."""
        changes = [(side.side, price) for side in (self.bids, self.asks) for price in sorted(side.changed)]
        self.bids.changed.clear()
        self.asks.changed.clear()
        return changes

    def _take(self, order: Order, quantity: int) -> None:
        self._touched.append(order)
        owner = order.owner
        standing = self.standing[owner]
        if order.side is OrderSide.BUY:
            standing.buying -= quantity
            self.bids.take(order, quantity)
        else:
            self.asks.take(order, quantity)
        if not order.resting:
            orders = standing.orders
            del orders[order.id]
            if standing.known is not None:
                standing.went(order, standing.known)
            if not orders:
                del self.standing[owner]

    def quantity_at(self, side: OrderSide, price: int) -> int:
        """Grams that rest at a price."""
        book_side = self.bids if side is OrderSide.BUY else self.asks
        level = book_side.levels.get(book_side.sign * price)
        return level.quantity if level else 0

    def level(self, side: OrderSide, price: int) -> PriceLevel:
        """The level as the market sees it; quantity 0 where nothing rests at that price."""
        book_side = self.side(side)
        level = book_side.levels.get(book_side.rank(price))
        return PriceLevel(price, level.quantity, level.count) if level else PriceLevel(price, 0, 0)


def _mark(order: Order) -> int:
    """128 bits that stand for one resting order; the book's digest is the exclusive-or of all of them."""
    if order.moved_by is None:
        text = b"%d:%d" % (order.id, order.remaining)
    else:
        text = b"%d:%d:%d:%d" % (order.id, order.remaining, order.moved_by, order.price)
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "big")
