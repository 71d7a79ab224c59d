"""One batch as rows: gathered from the outcomes, written by one statement, bound into the hash chain.

What is only ever added goes by COPY, orders and balances by one statement fed by arrays; `things.py` writes rare rows
(assets, offers, closed weeks). All in the transaction of the caller.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from domain.orders.model import Order
from domain.state import Market, State
from domain.turn import Outcome
from infra.engine import journal, things
from infra.engine.queue import Pending
from infra.postgres.connection import Connection

ORDERS_AND_BALANCES = """
WITH n AS (INSERT INTO orders (id, owner, client_order_id, instrument, side, type, time_in_force, price, quantity,
                               post_only, expires_at, remaining, notional, status, reason, trades_until, placed_at)
             SELECT u.*, $27 FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::int[], $5::text[], $6::text[],
                      $7::text[], $8::bigint[], $9::bigint[], $10::boolean[], $11::timestamptz[], $12::bigint[],
                      $13::text[]::numeric[], $14::text[], $15::text[], $16::bigint[]) u),
     o AS (UPDATE orders SET remaining = u.remaining, notional = u.notional, status = u.status, reason = u.reason,
                             trades_until = u.trades_until
             FROM unnest($17::bigint[], $18::bigint[], $19::text[]::numeric[], $20::text[], $21::text[],
                         $22::bigint[]) AS u(id, remaining, notional, status, reason, trades_until)
            WHERE orders.id = u.id)
INSERT INTO balance (owner, asset, available, held)
  SELECT * FROM unnest($23::bigint[], $24::int[], $25::bigint[], $26::bigint[])
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
INSERT INTO book_change (instrument, sequence, previous_sequence, levels, batch)
  SELECT u.*, $8::bigint FROM unnest($10::int[], $11::bigint[], $12::bigint[], $13::text[]) u"""

COMMAND = ("sequence", "caller", "key", "kind", "payload", "answer_kind", "answer", "payload_hash")
POSTING = ("owner", "entry", "line", "asset", "held", "amount")
TRADE = (
    *("instrument", "sequence", "price", "quantity", "value", "buy_order", "sell_order"),
    *("buyer_fee", "seller_fee", "aggressor", "command"),
)
EVENT = ("owner", "last_sequence", "first_sequence", "command", "payload")
BATCH = "INSERT INTO batch VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"

Rows = list[tuple[Any, ...]]


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
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

    async def write(self, connection: Connection, chain: bytes) -> bytes:
        """Writes everything but the COMMIT; returns the chain's new hash."""
        journals: Rows = []
        postings: Rows = []
        trades: Rows = []
        events: Rows = []
        for outcome in self._outcomes:
            command = outcome.sequence
            for entry in outcome.entries:
                journals.append((entry.id, command, entry.kind, entry.reference))
                for line, (owner, asset, held, amount) in enumerate(entry.postings):
                    postings.append((owner, entry.id, line, asset, held, amount))
            for trade, _ in outcome.trades:
                trades.append((*trade, command))
            for news in sorted(outcome.news, key=lambda told: told.owner):
                payload = orjson.dumps(news.payloads).decode()
                events.append((news.owner, news.last_sequence, news.first_sequence, command, payload))
        await things.write(connection, self._outcomes)
        await self._write_orders_and_balances(connection)
        commands = [(*row, payload_hash) for row, payload_hash in zip(self._commands, self._hashes, strict=True)]
        await self._append(connection, "command", COMMAND, commands)
        await self._append(connection, "journal", ("id", "command", "kind", "reference"), journals)
        await connection.copy_records_to_table("posting", records=postings, columns=POSTING)
        await self._append(connection, "trade", TRADE, trades)
        await self._append(connection, "account_event", EVENT, events)
        changes = await self._write_market_news(connection, trades)
        written = (self._commands, journals, postings, trades, events, changes)
        owners = sorted({event[0] for event in events})
        instruments = sorted({trade[0] for trade in trades} | {change[0] for change in changes})
        return await self._write_batch(connection, journal.link(chain, [self._head()], *written), owners, instruments)

    async def _append(self, connection: Connection, table: str, columns: Sequence[str], rows: Rows) -> None:
        """Adds rows that carry the batch's time."""
        if rows:
            records = [(*row, self.now) for row in rows]
            await connection.copy_records_to_table(table, records=records, columns=[*columns, "at"])

    async def _write_orders_and_balances(self, connection: Connection) -> None:
        placed = {order.id: order for outcome in self._outcomes for order in outcome.placed}
        changed = {
            order_id: order
            for outcome in self._outcomes
            for order_id, order in outcome.orders.items()
            if order_id not in placed
        }
        moved = {key for outcome in self._outcomes for key in outcome.balances}
        await connection.execute(
            ORDERS_AND_BALANCES,
            *_columns((_placed_row(order) for order in placed.values()), 16),
            *_columns(((order.id, *_state_row(order)) for order in changed.values()), 6),
            *_columns(((owner, asset, *self._state.balance(owner, asset)) for owner, asset in sorted(moved)), 4),
            self.now,
        )

    async def _write_market_news(self, connection: Connection, trades: Rows) -> Rows:
        """Minute candles and book changes; returns the changes, by instrument."""
        candles: dict[int, list[int]] = {}
        for instrument, _, price, quantity, *_ in trades:
            candle = candles.setdefault(instrument, [instrument, price, price, price, price, 0, 0])
            candle[2] = max(candle[2], price)
            candle[3] = min(candle[3], price)
            candle[4] = price
            candle[5] += quantity
            candle[6] += 1
        changes = sorted(
            (market.instrument.id, market.book_sequence, self._book_sequences.get(symbol, 0), _levels(market))
            for symbol, market in self._state.markets.items()
            if market.book_sequence != self._book_sequences.get(symbol, 0)
        )
        if candles or changes:
            await connection.execute(
                MARKET_NEWS,
                *_columns((tuple(candle) for candle in candles.values()), 7),
                self.sequence,
                self.now,
                *_columns(changes, 4),
            )
        return changes

    def _head(self) -> tuple[Any, ...]:
        first, last = self._outcomes[0].sequence, self._outcomes[-1].sequence
        return (self.sequence, self._epoch, first, last, self._state.digest().hex(), self.now)

    async def _write_batch(
        self, connection: Connection, chain: bytes, owners: list[int], instruments: list[int]
    ) -> bytes:
        sequence, epoch, first, last, digest, now = self._head()
        await connection.execute(
            BATCH, sequence, epoch, first, last, owners, instruments, bytes.fromhex(digest), chain, now
        )
        return chain


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
        *_state_row(order),
    )


def _state_row(order: Order) -> tuple[Any, ...]:
    return order.remaining, str(order.notional), order.status, order.reason, order.trades_until


def _levels(market: Market) -> str:
    """The changed levels with their absolute sizes; the book's notes of them are emptied."""
    changed, market.book.changed = market.book.changed, set()
    levels = [
        [side, level.price, level.quantity, level.orders]
        for side, price in sorted(changed)
        for level in (market.book.level(side, price),)
    ]
    return orjson.dumps(levels).decode()
