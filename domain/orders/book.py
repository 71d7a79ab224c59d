"""The order book of one instrument: resting orders by price, then by sequence.

A side keeps its prices as ranks (bids: price, asks: minus price), so that the best is always the largest and one loop
serves both sides.

Invariant: while the market trades continuously, the best bid is below the best ask after every command.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from operator import attrgetter

from domain.orders.level import Level
from domain.orders.model import Order, OrderSide, PriceLevel

BUY = OrderSide.BUY
PRIORITY = attrgetter("sequence")

Match = tuple[Order, int, int]
"""The maker, the price and the grams."""


class BookSide:
    """`changed` is the levels that differ from what was last told, those too that are no more."""

    __slots__ = ("changed", "levels", "ranks", "side", "sign")

    def __init__(self, side: OrderSide) -> None:
        self.side = side
        self.sign = 1 if side is BUY else -1
        self.levels: dict[int, Level] = {}
        self.ranks: list[int] = []
        self.changed: list[Level] = []

    def rank(self, price: int) -> int:
        return self.sign * price

    def best(self) -> Level | None:
        return self.levels[self.ranks[-1]] if self.ranks else None

    def best_first(self) -> Iterator[Level]:
        return (self.levels[rank] for rank in reversed(self.ranks))

    def open(self, price: int) -> Level:
        """A level where none is."""
        rank = self.sign * price
        level = self.levels[rank] = Level(price, rank)
        insort(self.ranks, rank)
        return level

    def close(self, level: Level) -> None:
        """Takes out a level where nothing rests any more."""
        rank = level.rank
        level.orders.clear()
        del self.levels[rank]
        if self.ranks[-1] == rank:
            self.ranks.pop()
        else:
            del self.ranks[bisect_left(self.ranks, rank)]

    def note(self, level: Level) -> None:
        """That a level changed."""
        level.changed = True
        self.changed.append(level)

    def take_changes(self) -> list[int]:
        """The prices whose level changed, rising; from now on they count as told."""
        prices = {level.price for level in self.changed}
        for level in self.changed:
            level.changed = False
        self.changed.clear()
        return sorted(prices)


class Tally:
    """What one owner's orders come to: the grams of its BUYs, and the best price of each side that was asked for."""

    __slots__ = ("_bests", "buying")

    def __init__(self, orders: Iterable[Order]) -> None:
        self._bests: dict[OrderSide, int | None] = {}
        self.buying = sum(order.remaining for order in orders if order.side is BUY)

    def best(self, side: OrderSide, orders: Iterable[Order]) -> int | None:
        """The highest BUY or lowest SELL of its orders: kept from then on, it goes with its order."""
        if side not in self._bests:
            prices = (order.price for order in orders if order.side is side)
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
    """`digest` names the whole of what rests."""

    __slots__ = ("_digest", "_marks", "_owners", "_tallies", "_touched", "asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(OrderSide.BUY)
        self.asks = BookSide(OrderSide.SELL)
        self._digest = 0
        self._marks: dict[int, int] = {}
        self._touched: list[Order] = []
        self._owners: dict[int, list[Order]] = {}
        """By owner, in no order; of those too who have none any more."""
        self._tallies: dict[int, Tally] = {}
        """Made when asked for and right from then on, as long as their owner has an order."""

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
        price = order.price
        if order.side is BUY:
            side = self.bids
            level = side.levels.get(price)
        else:
            side = self.asks
            level = side.levels.get(-price)
        if level is None:
            level = side.open(price)
        order.level = level
        level.orders.append(order)
        level.quantity += order.remaining
        if not level.changed:
            side.note(level)
        self._touched.append(order)
        owner = order.owner
        mine = self._owners.get(owner)
        if mine is None:
            mine = self._owners[owner] = []
        order.siblings = mine
        order.place = len(mine)
        mine.append(order)
        if self._tallies and (tally := self._tallies.get(owner)) is not None:
            tally.came(order)

    def take(self, side: BookSide, level: Level, wanted: int, owner: int, matches: list[Match]) -> int:
        """Fills a level's orders, oldest first, and adds their matches; what is left of `wanted`.

        It ends before an order of `owner`'s, which then is the level's first.
        """
        orders, price, own = level.orders, level.price, self._owners.get(owner)
        left = wanted
        while orders:
            maker = orders[0]
            if maker.level is None:
                orders.popleft()
                level.gone -= 1
                continue
            mine = maker.siblings
            if mine is own:
                break
            quantity = maker.remaining
            if quantity > left:
                maker.remaining = quantity - left
                quantity = left
            else:
                orders.popleft()
                maker.remaining = 0
                maker.level = None
                last = mine.pop()
                if last is not maker:
                    last.place = place = maker.place
                    mine[place] = last
            if self._tallies:
                self._lost(maker, quantity)
            self._touched.append(maker)
            matches.append((maker, price, quantity))
            left -= quantity
            if not left:
                break
        if left != wanted:
            level.quantity -= wanted - left
            self._changed(side, level)
        return left

    def _changed(self, side: BookSide, level: Level) -> None:
        if not level.changed:
            side.note(level)
        if len(level.orders) == level.gone:
            side.close(level)

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
        level = side.levels[side.rank(order.price)]
        level.quantity -= quantity
        if not level.changed:
            side.note(level)

    def remove(self, order: Order) -> None:
        """Takes a resting order out, whatever is left of it."""
        level = order.level
        assert level is not None
        order.level = None
        self._touched.append(order)
        mine = order.siblings
        last = mine.pop()
        if last is not order:
            last.place = place = order.place
            mine[place] = last
        if self._tallies:
            self._lost(order, order.remaining)
        level.quantity -= order.remaining
        level.gone = gone = level.gone + 1
        if not level.changed:
            self.side(order.side).note(level)
        if 2 * gone >= (length := len(level.orders)):
            if gone == length:
                self.side(order.side).close(level)
            else:
                level.compact()

    def _lost(self, order: Order, quantity: int) -> None:
        """Keeps its owner's tally right, if there is one, after an order lost some grams or its place."""
        owner = order.owner
        tally = self._tallies.get(owner)
        if tally is None:
            return
        if order.siblings:
            tally.lost(order, quantity)
        else:
            del self._tallies[owner]

    def owners(self) -> set[int]:
        """Who has an order."""
        return {owner for owner, mine in self._owners.items() if mine}

    def orders_of(self, owner: int) -> list[Order]:
        """In the order of their priority."""
        return sorted(self._owners.get(owner, ()), key=PRIORITY)

    def count_of(self, owner: int) -> int:
        return len(self._owners.get(owner, ()))

    def buying(self, owner: int) -> int:
        """The grams that an owner's BUYs still want."""
        tally = self._tally(owner)
        return 0 if tally is None else tally.buying

    def best_of(self, owner: int, side: OrderSide) -> int | None:
        """An owner's highest BUY or lowest SELL."""
        tally = self._tally(owner)
        return None if tally is None else tally.best(side, self._owners[owner])

    def _tally(self, owner: int) -> Tally | None:
        tally = self._tallies.get(owner)
        if tally is None and self._owners.get(owner):
            tally = self._tallies[owner] = Tally(self._owners[owner])
        return tally

    def take_changes(self) -> list[tuple[OrderSide, int]]:
        """The prices whose level differs from what was last told, BUY side first; from now on they count as told."""
        return [(side.side, price) for side in (self.bids, self.asks) for price in side.take_changes()]

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
