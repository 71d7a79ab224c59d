"""Operations per second of the order book in process, beside orderly-chaos (C++, PyPI) on the same stream.

    python -m bench.matching [--stream FILE] [--operations 1000000] [--depth 5000] [--rounds 5] [--seed 1]

The stream is 60 % limit orders that rest, 30 % cancels of a living order and 10 % orders that cross, and keeps about
`--depth` orders in the book; a second stream never empties (the deep book). With `--stream` both are read from FILE and
FILE.deep instead, one operation a line: `A,id,side (0 buys),price,quantity` or `C,id,side,price,0`.

Ours is `domain/orders`: every order has an owner, self-trade prevention compares owners at each match, every match
comes back as an event (the peer is measured without and with its own), what each owner has in the book is counted, and
the changed levels are collected every 512 operations, as a batch of the writer does. Between two such batches the clock
stands while the orders of the next are made, those that ended are forgotten and the digest is brought up to date; the
peer makes its own orders in C++. The market has no limit on holdings and holds no auction, so nobody's BUYs are summed.
Rates are per second of processor time, so that other work on the machine falls out.
Trades, traded quantity and what rests at the end must equal those of a third book, which is a plain dict of lists.
"""

import argparse
import contextlib
import gc
import importlib
import os
import platform
import random
import statistics
import sys
import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from rich.console import Console

from domain.ids import FIRST_OWNER
from domain.ledger.model import Asset, AssetKind
from domain.orders.book import Match, OrderBook
from domain.orders.matching import match
from domain.orders.model import Instrument, Order, OrderSide, OrderType, TimeInForce

GOAL = 2.0
GOAL_DEEP = 0.8
BATCH = 512
OWNERS = 5_000
MIDDLE = 10_000
REACH = 100
DEEP = 10**9

console = Console(highlight=False, soft_wrap=True)

Operation = tuple[str, int, int, int, int]


@dataclass(frozen=True)
class Totals:
    trades: int
    traded: int
    resting: int


class PlainBook:
    """The simplest book that is right: it makes the stream and says what every other book must end with."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, deque[int]], dict[int, deque[int]]] = ({}, {})
        self.prices: tuple[list[int], list[int]] = ([], [])
        self.left: dict[int, int] = {}
        self.trades = 0
        self.traded = 0

    def best(self, side: int) -> int | None:
        prices, levels = self.prices[side], self.levels[side]
        while prices:
            price = prices[-1] if side == 0 else prices[0]
            level = levels[price]
            while level and level[0] not in self.left:
                level.popleft()
            if level:
                return price
            del levels[price]
            del prices[bisect_left(prices, price)]
        return None

    def add(self, order: int, side: int, price: int, quantity: int) -> list[int]:
        """The makers that it filled wholly."""
        filled = []
        while quantity and (top := self.best(1 - side)) is not None and (top <= price if side == 0 else top >= price):
            maker = self.levels[1 - side][top][0]
            fill = min(quantity, self.left[maker])
            quantity -= fill
            self.trades += 1
            self.traded += fill
            self.left[maker] -= fill
            if not self.left[maker]:
                del self.left[maker]
                filled.append(maker)
        if quantity:
            self.left[order] = quantity
            if price not in self.levels[side]:
                self.levels[side][price] = deque()
                insort(self.prices[side], price)
            self.levels[side][price].append(order)
        return filled

    def cancel(self, order: int) -> None:
        del self.left[order]

    def totals(self) -> Totals:
        return Totals(self.trades, self.traded, len(self.left))


class Living:
    """Orders that rest, each as likely to be drawn."""

    def __init__(self) -> None:
        self._orders: list[tuple[int, int, int]] = []
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, order: int, side: int, price: int) -> None:
        self._places[order] = len(self._orders)
        self._orders.append((order, side, price))

    def discard(self, order: int) -> None:
        place = self._places.pop(order, None)
        if place is None:
            return
        last = self._orders.pop()
        if last[0] != order:
            self._orders[place] = last
            self._places[last[0]] = place

    def draw(self, chance: random.Random) -> tuple[int, int, int]:
        return self._orders[chance.randrange(len(self._orders))]


def stream(operations: int, depth: int, seed: int) -> tuple[list[Operation], Totals]:
    """Orders near the best prices and, while more than `depth` rest, larger ones that cross."""
    chance = random.Random(seed)
    book, living = PlainBook(), Living()
    made: list[Operation] = []
    order = 0
    for _ in range(operations):
        kind = chance.random()
        if kind < 0.3 and len(living) > REACH:
            cancelled, side, price = living.draw(chance)
            living.discard(cancelled)
            book.cancel(cancelled)
            made.append(("C", cancelled, side, price, 0))
            continue
        order += 1
        side = chance.getrandbits(1)
        bid, ask = book.best(0) or MIDDLE - 1, book.best(1) or MIDDLE + 1
        if 0.3 <= kind < 0.4:
            deeper = chance.randrange(3)
            price = ask + deeper if side == 0 else bid - deeper
            quantity = chance.randint(1, 300 if len(living) < depth else 900)
        else:
            away = min(REACH, 1 + int(chance.expovariate(1 / 12)))
            price = min(MIDDLE + REACH, ask - 1, ask - away) if side == 0 else max(MIDDLE - REACH, bid + 1, bid + away)
            price = max(MIDDLE - REACH, price) if side == 0 else min(MIDDLE + REACH, price)
            price = min(price, ask - 1) if side == 0 else max(price, bid + 1)
            quantity = chance.randint(1, 100)
        made.append(("A", order, side, price, quantity))
        for filled in book.add(order, side, price, quantity):
            living.discard(filled)
        if order in book.left:
            living.add(order, side, price)
    return made, book.totals()


def read_stream(path: Path) -> tuple[list[Operation], Totals]:
    """A stream from a file, and what the plain book makes of it."""
    operations: list[Operation] = []
    book = PlainBook()
    for line in path.read_text().splitlines():
        kind, order, side, price, quantity = line.split(",")
        operation = (kind, int(order), int(side), int(price), int(quantity))
        operations.append(operation)
        if kind == "A":
            book.add(*operation[1:])
        else:
            book.cancel(operation[1])
    return operations, book.totals()


# ---------------------------------------------------------------- the books


def ours(operations: Sequence[Operation]) -> tuple[float, Totals]:
    """Seconds of processor time and totals of this project's book."""
    book = OrderBook()
    standing: dict[int, Order] = {}
    seconds = 0.0
    trades = traded = 0
    with _quiet():
        for first in range(0, len(operations), BATCH):
            batch = operations[first : first + BATCH]
            made = _orders_of(batch)
            standing.update(made)
            commands = [(made.get(order_id) if kind == "A" else None, order_id) for kind, order_id, _, _, _ in batch]
            told: list[Match] = []
            begun = time.process_time()
            for order, order_id in commands:
                if order is None:
                    book.remove(standing[order_id])
                    continue
                matches, own = match(order, book)
                if matches:
                    told += matches
                if order.remaining and own is None:
                    book.rest(order)
            book.take_changes()
            seconds += time.process_time() - begun
            assert book.digest >= 0
            trades += len(told)
            traded += sum(quantity for _, _, quantity in told)
            for order_id in {*(order_id for _, order_id in commands), *(maker.id for maker, _, _ in told)}:
                if not standing[order_id].resting:
                    del standing[order_id]
    return seconds, Totals(trades, traded, len(standing))


GRAMS = Asset(1, "PCA-BENCH-2026", AssetKind.ALLOWANCE, "g")
MONEY = Asset(2, "EUR", AssetKind.MONEY, "minor units")
INSTRUMENT = Instrument(1, GRAMS.code, GRAMS, MONEY, 1, 1, 0, 0)


def _orders_of(operations: Sequence[Operation]) -> dict[int, Order]:
    """Nobody both buys and sells, so self-trade prevention looks at every match and stops none."""
    now = datetime.now(UTC)
    return {
        order: Order(
            id=order,
            owner=FIRST_OWNER + 2 * (order % OWNERS) + side,
            client_order_id=UUID(int=order),
            instrument=INSTRUMENT,
            side=OrderSide.SELL if side else OrderSide.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=price,
            quantity=quantity,
            post_only=False,
            placed_at=now,
            expires_at=None,
            remaining=quantity,
        )
        for kind, order, side, price, quantity in operations
        if kind == "A"
    }


def orderly_chaos(operations: Sequence[Operation], events: bool) -> tuple[float, int]:
    """Seconds of processor time and the traded quantity of the peer; with `events` it calls back for each trade."""
    told: list[object] = []
    book = importlib.import_module("orderly_chaos").LimitOrderBook(told.append if events else None)
    buy, sell, cancel = book.limit_buy, book.limit_sell, book.cancel
    traded = 0
    with _quiet():
        begun = time.process_time()
        for kind, order, side, price, quantity in operations:
            if kind == "A":
                traded += (sell if side else buy)(order, quantity, price)
            else:
                cancel(order)
        return time.process_time() - begun, traded


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the cyclic collector, for ours and for the peer."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# ---------------------------------------------------------------- the run


@dataclass
class Rates:
    ours: list[float]
    peer: list[float]
    peer_with_events: list[float]

    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.peer)

    def ratio_with_events(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.peer_with_events)


def compare(name: str, operations: Sequence[Operation], totals: Totals, rounds: int) -> Rates:
    """Rounds in turn; ends the run where a book comes to other totals."""
    rates = Rates([], [], [])
    for _ in range(rounds):
        seconds, found = ours(operations)
        if found != totals:
            raise SystemExit(f"{name}: this book ends with {found}, the plain book with {totals}")
        rates.ours.append(len(operations) / seconds)
        for events, peer_rates in ((False, rates.peer), (True, rates.peer_with_events)):
            seconds, traded = orderly_chaos(operations, events)
            if traded != totals.traded:
                raise SystemExit(f"{name}: the peer traded {traded}, the plain book {totals.traded}")
            peer_rates.append(len(operations) / seconds)
    console.print(
        f"{name}: {totals.resting:,} rest at the end, {totals.trades:,} trades of {totals.traded:,}; all books agree"
    )
    rows = (("ours", rates.ours), ("orderly-chaos", rates.peer), ("with its events", rates.peer_with_events))
    for book, found_rates in rows:
        low, high = min(found_rates), max(found_rates)
        console.print(f"  {book:15} {statistics.median(found_rates):11,.0f} operations/s  ({low:,.0f} .. {high:,.0f})")
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description="The order book in process, beside orderly-chaos.")
    parser.add_argument("--stream", type=Path, help="read FILE and FILE.deep instead of making streams")
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--depth", type=int, default=5_000, help="orders that rest, about")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if arguments.stream is None:
        shallow = stream(arguments.operations, arguments.depth, arguments.seed)
        deep = stream(arguments.operations, DEEP, arguments.seed)
    else:
        shallow = read_stream(arguments.stream)
        deep = read_stream(arguments.stream.with_name(arguments.stream.name + ".deep"))
    rates = compare("shallow book", *shallow, arguments.rounds)
    deep_rates = compare("deep book", *deep, arguments.rounds)
    ratio, flatness = rates.ratio(), statistics.median(deep_rates.ours) / statistics.median(rates.ours)
    console.print(f"{ratio:.2f} x orderly-chaos; the goal is {GOAL:.1f} x")
    console.print(f"{rates.ratio_with_events():.2f} x orderly-chaos where it tells of each trade, as ours does")
    console.print(f"deep against shallow {flatness:.2f}; the goal is {GOAL_DEEP:.1f}")
    console.print(f"load of the machine at the end {os.getloadavg()[0]:.1f}")
    sys.exit(0 if ratio >= GOAL and flatness >= GOAL_DEEP else 1)


if __name__ == "__main__":
    main()
