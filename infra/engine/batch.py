"""One batch as rows: gathered from the outcomes, bound into the hash chain, then written.

What is only ever added goes by COPY, orders and balances by one statement fed by arrays; `things.py` writes rare rows
(assets, offers, closed weeks). All in the transaction of the caller.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from domain.orders.model import Order
from domain.orders.uncrossing import indicative
from domain.state import Market, State
from domain.turn import Outcome
from infra.engine import journal, things
from infra.engine.encoding import integers
from infra.engine.queue import Pending
from infra.postgres.connection import Connection

ORDERS_AND_BALANCES = """
WITH o AS (UPDATE orders SET remaining = u.remaining, notional = u.notional, status = u.status, reason = u.reason,
                             trades_until = u.trades_until
             FROM unnest($1::bigint[], $2::bigint[], $3::text[]::numeric[], $4::text[], $5::text[],
                         $6::bigint[]) AS u(id, remaining, notional, status, reason, trades_until)
            WHERE orders.id = u.id)
INSERT INTO balance (owner, asset, available, held)
  SELECT * FROM unnest($7::text::bigint[], $8::text::int[], $9::text::bigint[], $10::text::bigint[])
  ON CONFLICT (owner, asset) DO UPDATE SET available = EXCLUDED.available, held = EXCLUDED.held"""

MARKET_NEWS = """
WITH k AS (INSERT INTO candle (instrument, opened_at, open, high, low, close, volume, trades)
             SELECT u.instrument, date_trunc('minute', $9::timestamptz), u.open, u.high, u.low, u.close, u.volume,
                    u.trades
               FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::int[])
                    AS u(instrument, open, high, low, close, volume, trades)
             ON CONFLICT (instrument, opened_at) DO UPDATE
               SET high = greatest(candle.high, EXCLUDED.high), low = least(candle.low, EXCLUDED.low),
                   close = EXCLUDED.close, volume = least(candle.volume::numeric + EXCLUDED.volume, 9007199254740991),
                   trades = candle.trades + EXCLUDED.trades)
INSERT INTO book_change (instrument, sequence, previous_sequence, levels, phase, indicative_price, indicative_quantity,
                         surplus, batch)
  SELECT u.*, $8::bigint FROM unnest($10::int[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::bigint[],
                                     $16::bigint[], $17::bigint[]) u"""

COMMAND = ("sequence", "caller", "key", "kind", "payload", "answer_kind", "answer", "payload_hash")
POSTING = ("owner", "entry", "line", "asset", "held", "amount")
TRADE = (
    *("instrument", "sequence", "price", "quantity", "value", "buy_order", "sell_order"),
    *("buyer_fee", "seller_fee", "aggressor", "command"),
)
EVENT = ("owner", "last_sequence", "first_sequence", "command", "payload")
ORDER = (
    *("id", "owner", "client_order_id", "instrument", "side", "type", "time_in_force", "price", "quantity"),
    *("post_only", "expires_at", "self_trade", "moved_by", "placed_quantity", "placed_price", "placed_at"),
    *("remaining", "notional", "status", "reason", "trades_until"),
)
BATCH = "INSERT INTO batch VALUES ($1, $2, $3, $4, $5::text::bigint[], $6, $7, $8, $9)"

Rows = list[tuple[Any, ...]]
Arguments = tuple[Any, ...]


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) or [()] * width


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
        self._hashes: list[bytes] = []

    def __bool__(self) -> bool:
        return bool(self._outcomes)

    def add(self, pending: Pending, outcome: Outcome) -> None:
        command, answer = pending.command, outcome.answer
        row = (outcome.sequence, command.caller, command.key, command.kind, pending.payload)
        self._commands.append((*row, answer.kind, journal.answer_text(answer)))
        self._hashes.append(pending.payload_hash)
        self._outcomes.append(outcome)

    def seal(self, chain: bytes) -> "SealedBatch":
        """The rows as things are now, before a later batch changes them; `chain` is the hash of the batch before."""
        journals: Rows = []
        postings: Rows = []
        trades: Rows = []
        events: Rows = []
        for outcome in self._outcomes:
            command = outcome.sequence
            for entry, kind, reference, legs in outcome.entries:
                journals.append((entry, command, kind, reference))
                for line, (owner, asset, held, amount) in enumerate(legs):
                    postings.append((owner, entry, line, asset, held, amount))
            for trade, _ in outcome.trades:
                trades.append((*trade, command))
            for owner, first, last, payloads in sorted(outcome.news):
                events.append((owner, last, first, command, orjson.dumps(payloads).decode()))
        commands = [(*row, payload_hash) for row, payload_hash in zip(self._commands, self._hashes, strict=True)]
        placed, changed = self._orders()
        appended = (
            ("orders", ORDER, [(*_placed_row(order), self.now, *_state_row(order)) for order in placed]),
            ("command", (*COMMAND, "at"), self._dated(commands)),
            ("journal", ("id", "command", "kind", "reference", "at"), self._dated(journals)),
            ("posting", POSTING, postings),
            ("trade", (*TRADE, "at"), self._dated(trades)),
            ("account_event", (*EVENT, "at"), self._dated(events)),
        )
        changes = self._book_changes()
        digest = self._state.digest()
        first, last = self._outcomes[0].sequence, self._outcomes[-1].sequence
        head = (self.sequence, self._epoch, first, last, digest.hex(), self.now)
        chain = journal.link(chain, [head], self._commands, journals, postings, trades, events, changes)
        owners = sorted({event[0] for event in events})
        instruments = sorted({trade[0] for trade in trades} | {change[0] for change in changes})
        row = (self.sequence, self._epoch, first, last, integers(owners), instruments, digest, chain, self.now)
        rare, market_news = things.rows_of(self._outcomes), self._market_news(trades, changes)
        balances = (*_columns(((o.id, *_told_state(o)) for o in changed), 6), *self._balances())
        return SealedBatch(self.sequence, chain, rare, balances, appended, market_news, row)

    def _dated(self, rows: Rows) -> Rows:
        """The rows with the batch's time."""
        return [(*row, self.now) for row in rows]

    def _orders(self) -> tuple[list[Order], list[Order]]:
        """Those that the batch placed, then the others that it changed."""
        newest = {order_id: order for outcome in self._outcomes for order_id, order in outcome.orders.items()}
        placed = [newest.pop(order.id) for outcome in self._outcomes for order in outcome.placed]
        return placed, list(newest.values())

    def _balances(self) -> Arguments:
        """Owners, assets, what is available and what is held, as array texts."""
        moved = set().union(*[outcome.balances for outcome in self._outcomes])
        amounts = [self._state.balance(owner, asset) for owner, asset in moved]
        return tuple(integers(column) for column in (*_columns(moved, 2), *_columns(amounts, 2)))

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

    def _market_news(self, trades: Rows, changes: Rows) -> Arguments:
        """Minute candles and book changes; nothing where there are none."""
        candles: dict[int, list[int]] = {}
        for instrument, _, price, quantity, *_ in trades:
            candle = candles.setdefault(instrument, [instrument, price, price, price, price, 0, 0])
            candle[2] = max(candle[2], price)
            candle[3] = min(candle[3], price)
            candle[4] = price
            candle[5] += quantity
            candle[6] += 1
        if not candles and not changes:
            return ()
        columns = _columns((tuple(candle) for candle in candles.values()), 7)
        return (*columns, self.sequence, self.now, *_columns(changes, 8))


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """Rows that nothing changes any more; `chain` is the hash that ends with them."""

    sequence: int
    chain: bytes
    _things: things.Written
    _orders_and_balances: Arguments
    _appended: tuple[tuple[str, tuple[str, ...], Rows], ...]
    _market_news: Arguments
    _row: Arguments

    async def write(self, connection: Connection) -> None:
        """Everything but the COMMIT."""
        await things.write(connection, self._things)
        await connection.execute(ORDERS_AND_BALANCES, *self._orders_and_balances)
        for table, columns, rows in self._appended:
            if rows:
                await connection.copy_records_to_table(table, records=rows, columns=columns)
        if self._market_news:
            await connection.execute(MARKET_NEWS, *self._market_news)
        await connection.execute(BATCH, *self._row)


def _placed_row(order: Order) -> tuple[Any, ...]:
    return (
        order.id,
        order.owner,
        order.client_order_id,
        order.instrument.id,
        order.side,
        order.type,
        order.time_in_force,
        order.price,
        order.quantity,
        order.post_only,
        order.expires_at,
        order.self_trade,
        order.moved_by,
        order.placed_quantity,
        order.placed_price,
    )


def _state_row(order: Order) -> tuple[Any, ...]:
    return order.remaining, order.notional, order.status, order.reason, order.trades_until


def _told_state(order: Order) -> tuple[Any, ...]:
    """As `_state_row`, with the numeric as text: arrays of it are sent so."""
    return order.remaining, str(order.notional), order.status, order.reason, order.trades_until


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
