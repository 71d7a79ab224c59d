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
BUY = OrderSide.BUY

Match = tuple[Order, int, int]
"""The maker, the price and the grams."""


class Level:
    """The orders at one price, oldest first; `quantity` is of those that still rest, `gone` counts the others."""

    __slots__ = ("gone", "orders", "price", "quantity")

    def __init__(self, price: int) -> None:
        self.price = price
        self.orders: deque[Order] = deque()
        self.quantity = 0
        self.gone = 0

    @property
    def count(self) -> int:
        return len(self.orders) - self.gone

    def first(self) -> Order:
        """The oldest resting order; only for a level that has one."""
        orders = self.orders
        while not (first := orders[0]).resting:
            orders.popleft()
            self.gone -= 1
        return first

    def resting(self) -> Iterator[Order]:
        return (order for order in self.orders if order.resting)


class BookSide:
    """`changed` is the prices whose level differs from what was last told."""

    __slots__ = ("changed", "levels", "ranks", "side", "sign")

    def __init__(self, side: OrderSide) -> None:
        self.side = side
        self.sign = 1 if side is BUY else -1
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []
        self.changed: set[int] = set()

    def rank(self, price: int) -> int:
        return self.sign * price

    def best(self) -> Level | None:
        return self.levels[self.ranks[-1]] if self.ranks else None

    def best_first(self) -> Iterator[Level]:
        return (self.levels[rank] for rank in reversed(self.ranks))

    def open(self, price: int) -> Level:
        """A level where none is."""
        rank = self.sign * price
        level = self.levels[rank] = Level(price)
        insort(self.ranks, rank)
        return level

    def close(self, level: Level) -> None:
        """Takes out a level where nothing rests any more."""
        rank = self.sign * level.price
        level.orders.clear()
        del self.levels[rank]
        if self.ranks[-1] == rank:
            self.ranks.pop()
        else:
            del self.ranks[bisect_left(self.ranks, rank)]


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
            self.known[side] = max(prices, default=None) if side is BUY else min(prices, default=None)
        return self.known[side]

    def came(self, order: Order, known: dict[OrderSide, int | None]) -> None:
        if order.side in known:
            prices = [order.price] if (best := known[order.side]) is None else [order.price, best]
            known[order.side] = max(prices) if order.side is BUY else min(prices)

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
        return self.bids if side is BUY else self.asks

    def opposite(self, side: OrderSide) -> BookSide:
        return self.asks if side is BUY else self.bids

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
        price = order.price
        left = order.remaining
        owner = order.owner
        self._touched.append(order)
        standing = self.standing.get(owner)
        if standing is None:
            standing = self.standing[owner] = Standing()
        standing.orders[order.id] = order
        if standing.known is not None:
            standing.came(order, standing.known)
        if order.side is BUY:
            standing.buying += left
            side = self.bids
            rank = price
        else:
            side = self.asks
            rank = -price
        level = side.levels.get(rank)
        if level is None:
            level = side.open(price)
        level.orders.append(order)
        level.quantity += left
        side.changed.add(price)

    def take(self, side: BookSide, level: Level, wanted: int, owner: int, matches: list[Match]) -> int:
        """Fills a level's orders, oldest first, and adds their matches; what is left of `wanted`.

        It ends before an order of `owner`'s, which then is the level's first.
        """
        orders = level.orders
        price = level.price
        left = wanted
        buys = side is self.bids
        while orders:
            maker = orders[0]
            if not maker.resting:
                orders.popleft()
                level.gone -= 1
                continue
            maker_owner = maker.owner
            if maker_owner == owner:
                break
            self._touched.append(maker)
            quantity = maker.remaining
            standing = self.standing[maker_owner]
            if quantity > left:
                maker.remaining = quantity - left
                if buys:
                    standing.buying -= left
                matches.append((maker, price, left))
                left = 0
                break
            left -= quantity
            maker.remaining = 0
            maker.resting = False
            orders.popleft()
            if buys:
                standing.buying -= quantity
            mine = standing.orders
            del mine[maker.id]
            if not mine:
                del self.standing[maker_owner]
            elif standing.known is not None:
                standing.went(maker, standing.known)
            matches.append((maker, price, quantity))
            if not left:
                break
        if left != wanted:
            level.quantity -= wanted - left
            side.changed.add(price)
            if len(orders) == level.gone:
                side.close(level)
        return left

    def fill(self, order: Order, quantity: int) -> None:
        """Takes a fill out of a resting order; one that is filled leaves the book."""
        if quantity == order.remaining:
            self.remove(order)
            order.remaining = 0
        else:
            order.remaining -= quantity
            self._shrink(order, quantity)

    def reduce(self, order: Order, quantity: int) -> None:
        """Makes a resting order smaller, by less than is left of it; it keeps its place."""
        order.change_terms(order.quantity - quantity, order.price)
        self._shrink(order, quantity)

    def _shrink(self, order: Order, quantity: int) -> None:
        self._touched.append(order)
        if order.side is BUY:
            self.standing[order.owner].buying -= quantity
        side = self.side(order.side)
        side.levels[side.rank(order.price)].quantity -= quantity
        side.changed.add(order.price)

    def remove(self, order: Order) -> None:
        """Takes a resting order out, whatever is left of it."""
        order.resting = False
        price = order.price
        left = order.remaining
        owner = order.owner
        self._touched.append(order)
        standing = self.standing[owner]
        if order.side is BUY:
            standing.buying -= left
            side = self.bids
            level = side.levels[price]
        else:
            side = self.asks
            level = side.levels[-price]
        mine = standing.orders
        del mine[order.id]
        if not mine:
            del self.standing[owner]
        elif standing.known is not None:
            standing.went(order, standing.known)
        side.changed.add(price)
        level.quantity -= left
        level.gone = gone = level.gone + 1
        if 2 * gone >= (length := len(level.orders)):
            if gone == length:
                side.close(level)
            elif gone > COMPACT_AFTER:
                level.orders = deque(level.resting())
                level.gone = 0

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

    def quantity_at(self, side: OrderSide, price: int) -> int:
        """Grams that rest at a price."""
        book_side = self.bids if side is BUY else self.asks
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
