"""One batch as rows: gathered from the outcomes, bound into the hash chain, then written.

`batch_statement.py` writes what nearly every batch has, `things.py` the rare rows (assets, offers, closed weeks).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from operator import attrgetter
from typing import Any

import orjson

from domain.ledger.model import Entry
from domain.orders.model import Order
from domain.orders.uncrossing import indicative
from domain.state import Market, State
from domain.turn import Outcome
from infra.engine import journal, things
from infra.engine.batch_statement import (
    CHAINED,
    CHANGED_ORDERS,
    ORDERS,
    PARTS,
    STATEMENT,
    Columns,
    columns,
    head_arguments,
    texts,
)
from infra.engine.lease import LeaseLost
from infra.engine.queue import Pending
from infra.postgres.connection import Connection

PLACED_ROW = attrgetter(*(name if name != "instrument" else "instrument.id" for name in ORDERS if name != "notional"))
CHANGED_ROW = attrgetter(*(name for name in CHANGED_ORDERS if name != "notional"))

STATEMENT_SECONDS = 30
"""After which a statement of the writer counts as lost, where it is of the usual size."""
ROWS_PER_SECOND = 1_000
"""What the slowest Postgres may be expected to write: the close of a week is one command, however many its members."""

Rows = list[tuple[Any, ...]]


def _entries(entries: Sequence[Entry]) -> tuple[Columns, Columns]:
    """The columns of entries, and those of their postings."""
    if not entries:
        return [], []
    ids, commands, kinds, references, legs = zip(*entries, strict=True)
    numbers = [len(legs_of_one) for legs_of_one in legs]
    moved = columns(chain.from_iterable(legs))
    of = list(chain.from_iterable(map(repeat, ids, numbers)))
    lines = list(chain.from_iterable(map(range, numbers)))
    return [ids, commands, kinds, references], [moved[0], of, lines, *moved[1:]] if moved else []


def _with_notional(orders: Collection[Order], row_of: Callable[[Order], Sequence[Any]]) -> Columns:
    """The notional may pass 64 bits, where numbers end in JSON here."""
    return [*columns(map(row_of, orders)), [str(order.notional) for order in orders]] if orders else []


class Batch:
    """Outcomes of one transaction. Make it before the first command is applied: it notes where the books stood."""

    def __init__(self, state: State, sequence: int, epoch: int, now: datetime) -> None:
        self._state = state
        self.sequence = sequence
        self._epoch = epoch
        self.now = now
        self._book_sequences = {symbol: market.book_sequence for symbol, market in state.markets.items()}
        self._outcomes: list[Outcome] = []
        self._commands: Rows = []

    def __bool__(self) -> bool:
        return bool(self._outcomes)

    def add(self, pending: Pending, outcome: Outcome) -> None:
        command, answer = pending.command, outcome.answer
        row = (outcome.sequence, command.caller, command.key, command.kind, pending.payload)
        self._commands.append((*row, answer.kind, journal.answer_text(answer), pending.payload_hash.hex()))
        self._outcomes.append(outcome)

    def seal(self, previous: bytes) -> "SealedBatch":
        """The rows as things are now, before a later batch changes them; `previous` is the hash of the batch before."""
        outcomes = self._outcomes
        entries, postings = _entries([entry for outcome in outcomes for entry in outcome.entries])
        trades: Rows = [(*trade, outcome.sequence) for outcome in outcomes for trade, _ in outcome.trades]
        events: Rows = [
            (owner, last, first, outcome.sequence, orjson.dumps(payloads).decode())
            for outcome in outcomes
            for owner, first, last, payloads in sorted(outcome.news)
        ]
        changes = self._book_changes()
        commands = columns(self._commands)
        chained = texts(CHAINED, [commands, entries, postings, columns(trades), columns(events), columns(changes)])
        others = texts(PARTS[: -len(CHAINED)], [*self._orders(), self._balances(), _candles(trades)])
        digest = self._state.digest()
        first, last = outcomes[0].sequence, outcomes[-1].sequence
        head = (self.sequence, self._epoch, first, last, digest.hex(), self.now)
        link = journal.link(previous, head, chained)
        owners = sorted({event[0] for event in events})
        instruments = sorted({trade[0] for trade in trades} | {change[0] for change in changes})
        row = (self._epoch, self.sequence, first, last, owners, instruments, digest, link, self.now)
        seconds = STATEMENT_SECONDS + (len(postings[0]) if postings else 0) // ROWS_PER_SECOND
        arguments = (*head_arguments(row), *others, *chained)
        return SealedBatch(self.sequence, link, seconds, things.rows_of(outcomes), arguments)

    def _orders(self) -> tuple[Columns, Columns]:
        """Those that the batch placed, then the others that it changed."""
        newest = {order_id: order for outcome in self._outcomes for order_id, order in outcome.orders.items()}
        placed = [newest.pop(order.id) for outcome in self._outcomes for order in outcome.placed]
        return _with_notional(placed, PLACED_ROW), _with_notional(newest.values(), CHANGED_ROW)

    def _balances(self) -> Columns:
        wallets = self._state.wallets
        moved = set().union(*[outcome.balances for outcome in self._outcomes])
        amounts = [wallets[owner].balances[asset] for owner, asset in moved]
        return [*columns(moved), *columns(amounts)]

    def _book_changes(self) -> Rows:
        """Books that differ from where they stood when the batch was made, by instrument."""
        return sorted(
            (
                market.instrument.id,
                market.book_sequence,
                self._book_sequences.get(symbol, 0),
                _levels(market),
                market.instrument.phase.value,
                *_indicative(market),
            )
            for symbol, market in self._state.markets.items()
            if market.book_sequence != self._book_sequences.get(symbol, 0)
        )


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """Rows that nothing changes any more; `chain` is the hash that ends with them."""

    sequence: int
    chain: bytes
    seconds: int
    """After which each of its statements counts as lost."""
    _things: things.Written
    _arguments: tuple[Any, ...]

    async def write(self, connection: Connection) -> None:
        """All of it, committed, or nothing. Raises LeaseLost where another writer has taken over."""
        if self._things:
            async with connection.transaction():
                await things.write(connection, self._things, self.seconds)
                await self._write_rest(connection)
        else:
            await self._write_rest(connection)

    async def _write_rest(self, connection: Connection) -> None:
        if not await connection.fetchval(STATEMENT, *self._arguments, timeout=self.seconds):
            raise LeaseLost


def _candles(trades: Rows) -> Columns:
    """Of the minute that the batch is in."""
    candles: dict[int, list[int]] = {}
    for instrument, _, price, quantity, *_ in trades:
        candle = candles.setdefault(instrument, [instrument, price, price, price, price, 0, 0])
        candle[2] = max(candle[2], price)
        candle[3] = min(candle[3], price)
        candle[4] = price
        candle[5] += quantity
        candle[6] += 1
    return columns(candles.values())


def _levels(market: Market) -> str:
    """The changed levels with their absolute sizes; the book's notes of them are emptied."""
    levels = [
        [side, level.price, level.quantity, level.orders]
        for side, price in market.book.take_changes()
        for level in (market.book.level(side, price),)
    ]
    return orjson.dumps(levels).decode()


def _indicative(market: Market) -> tuple[int | None, int | None, int | None]:
    """What an auction would come to as the book is: price, grams, surplus; nothing outside of one."""
    cleared = indicative(market)
    return (cleared.price, cleared.quantity, cleared.surplus) if cleared else (None, None, None)
