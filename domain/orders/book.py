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


class Tally:
    """What one owner's orders come to: the grams of its BUYs, and the best price of each side that was asked for."""

    __slots__ = ("_bests", "_orders", "buying")

    def __init__(self, orders: dict[int, Order]) -> None:
        self._orders = orders
        self._bests: dict[OrderSide, int | None] = {}
        self.buying = sum(order.remaining for order in orders.values() if order.side is BUY)

    def best(self, side: OrderSide) -> int | None:
        """Its highest BUY or lowest SELL: kept from then on, it goes with its order."""
        if side not in self._bests:
            prices = (order.price for order in self._orders.values() if order.side is side)
            self._bests[side] = max(prices, default=None) if side is BUY else min(prices, default=None)
        return self._bests[side]

    def came(self, order: Order) -> None:
        side, price = order.side, order.price
        if side is BUY:
            self.buying += order.remaining
        if side in self._bests:
            best = self._bests[side]
            if best is None or (price > best if side is BUY else price < best):
                self._bests[side] = price

    def lost(self, order: Order, quantity: int) -> None:
        side = order.side
        if side is BUY:
            self.buying -= quantity
        if not order.resting and self._bests.get(side) == order.price:
            del self._bests[side]


class OrderBook:
    """`owners` has each owner's orders by id, in the order of their priority; nobody is in it who has none.

    Tallies are made when they are asked for and kept up to date from then on, as long as their owner has an order:
    only an auction and a limit on holdings want any. `digest` names the whole of what rests.
    """

    __slots__ = ("_digest", "_marks", "_tallies", "_touched", "asks", "bids", "owners")

    def __init__(self) -> None:
        self.bids = BookSide(OrderSide.BUY)
        self.asks = BookSide(OrderSide.SELL)
        self._digest = 0
        self._marks: dict[int, int] = {}
        self._touched: list[Order] = []
        self.owners: dict[int, dict[int, Order]] = {}
        self._tallies: dict[int, Tally] = {}

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
        self._touched.append(order)
        owner = order.owner
        mine = self.owners.get(owner)
        if mine is None:
            self.owners[owner] = {order.id: order}
        else:
            mine[order.id] = order
        if self._tallies and (tally := self._tallies.get(owner)) is not None:
            tally.came(order)
        price = order.price
        if order.side is BUY:
            side = self.bids
            rank = price
        else:
            side = self.asks
            rank = -price
        level = side.levels.get(rank)
        if level is None:
            level = side.open(price)
        level.orders.append(order)
        level.quantity += order.remaining
        side.changed.add(price)

    def take(self, side: BookSide, level: Level, wanted: int, owner: int, matches: list[Match]) -> int:
        """Fills a level's orders, oldest first, and adds their matches; what is left of `wanted`.

        It ends before an order of `owner`'s, which then is the level's first.
        """
        orders, price, owners = level.orders, level.price, self.owners
        left = wanted
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
            if quantity > left:
                maker.remaining = quantity - left
                quantity = left
            else:
                orders.popleft()
                maker.remaining = 0
                maker.resting = False
                mine = owners[maker_owner]
                if len(mine) == 1:
                    del owners[maker_owner]
                else:
                    del mine[maker.id]
            if self._tallies:
                self._lost(maker, quantity)
            matches.append((maker, price, quantity))
            left -= quantity
            if not left:
                break
        if left != wanted:
            side.changed.add(price)
            level.quantity -= wanted - left
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
        self._lost(order, quantity)
        side = self.side(order.side)
        side.levels[side.rank(order.price)].quantity -= quantity
        side.changed.add(order.price)

    def remove(self, order: Order) -> None:
        """Takes a resting order out, whatever is left of it."""
        order.resting = False
        self._touched.append(order)
        owner, price, left = order.owner, order.price, order.remaining
        mine = self.owners[owner]
        if len(mine) == 1:
            del self.owners[owner]
        else:
            del mine[order.id]
        if self._tallies:
            self._lost(order, left)
        if order.side is BUY:
            side = self.bids
            level = side.levels[price]
        else:
            side = self.asks
            level = side.levels[-price]
        side.changed.add(price)
        level.quantity -= left
        level.gone = gone = level.gone + 1
        if 2 * gone >= (length := len(level.orders)):
            if gone == length:
                side.close(level)
            elif gone > COMPACT_AFTER:
                level.orders = deque(level.resting())
                level.gone = 0

    def _lost(self, order: Order, quantity: int) -> None:
        """Keeps its owner's tally right, if there is one, after an order lost some grams or its place."""
        owner = order.owner
        tally = self._tallies.get(owner)
        if tally is None:
            return
        if owner in self.owners:
            tally.lost(order, quantity)
        else:
            del self._tallies[owner]

    def orders_of(self, owner: int) -> list[Order]:
        """In the order of their priority."""
        return list(self.owners.get(owner, {}).values())

    def count_of(self, owner: int) -> int:
        mine = self.owners.get(owner)
        return 0 if mine is None else len(mine)

    def buying(self, owner: int) -> int:
        """The grams that an owner's BUYs still want."""
        tally = self._tally(owner)
        return 0 if tally is None else tally.buying

    def best_of(self, owner: int, side: OrderSide) -> int | None:
        """An owner's highest BUY or lowest SELL."""
        tally = self._tally(owner)
        return None if tally is None else tally.best(side)

    def _tally(self, owner: int) -> Tally | None:
        tally = self._tallies.get(owner)
        if tally is None and (mine := self.owners.get(owner)) is not None:
            tally = self._tallies[owner] = Tally(mine)
        return tally

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
