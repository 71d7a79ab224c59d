"""One batch as rows: gathered from the outcomes, written by one statement, bound into the hash chain.

The hot rows go in one statement of data-modifying CTEs fed by arrays; `things.py` writes the rare ones (assets, offers,
closed weeks) in the same transaction.
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

WRITE = """
WITH c AS (INSERT INTO command (sequence, caller, key, kind, payload, payload_hash, answer_kind, answer, at)
             SELECT u.*, $60 FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::bytea[],
                                         $7::text[], $8::text[]) u),
     n AS (INSERT INTO orders (id, owner, client_order_id, instrument, side, type, time_in_force, price, quantity,
                               post_only, expires_at, remaining, notional, status, reason, trades_until, placed_at)
             SELECT u.*, $60 FROM unnest($9::bigint[], $10::bigint[], $11::uuid[], $12::int[], $13::text[], $14::text[],
                      $15::text[], $16::bigint[], $17::bigint[], $18::boolean[], $19::timestamptz[], $20::bigint[],
                      $21::text[]::numeric[], $22::text[], $23::text[], $24::bigint[]) u),
     o AS (UPDATE orders SET remaining = u.remaining, notional = u.notional, status = u.status, reason = u.reason,
                             trades_until = u.trades_until
             FROM unnest($25::bigint[], $26::bigint[], $27::text[]::numeric[], $28::text[], $29::text[],
                         $30::bigint[]) AS u(id, remaining, notional, status, reason, trades_until)
            WHERE orders.id = u.id),
     t AS (INSERT INTO trade (instrument, sequence, price, quantity, value, buy_order, sell_order, buyer_fee,
                              seller_fee, aggressor, command, at)
             SELECT u.*, $60 FROM unnest($31::int[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[],
                      $36::bigint[], $37::bigint[], $38::bigint[], $39::bigint[], $40::text[], $41::bigint[]) u),
     j AS (INSERT INTO journal (id, command, kind, reference, at)
             SELECT u.*, $60 FROM unnest($42::bigint[], $43::bigint[], $44::text[], $45::text[]) u),
     p AS (INSERT INTO posting (owner, entry, line, asset, held, amount)
             SELECT * FROM unnest($46::bigint[], $47::bigint[], $48::smallint[], $49::int[], $50::boolean[],
                                  $51::bigint[])),
     b AS (INSERT INTO balance (owner, asset, available, held)
             SELECT * FROM unnest($52::bigint[], $53::int[], $54::bigint[], $55::bigint[])
             ON CONFLICT (owner, asset) DO UPDATE SET available = EXCLUDED.available, held = EXCLUDED.held)
INSERT INTO account_event (owner, first_sequence, last_sequence, payload, command, at)
  SELECT u.*, $60 FROM unnest($56::bigint[], $57::bigint[], $58::bigint[], $59::text[], $61::bigint[]) u"""

MARKET_NEWS = """
WITH k AS (INSERT INTO candle (instrument, opened_at, open, high, low, close, volume, trades)
             SELECT u.instrument, date_trunc('minute', $9::timestamptz), u.open, u.high, u.low, u.close, u.volume,
                    u.trades
               FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::int[])
                    AS u(instrument, open, high, low, close, volume, trades)
             ON CONFLICT (instrument, opened_at) DO UPDATE
               SET high = greatest(candle.high, EXCLUDED.high), low = least(candle.low, EXCLUDED.low),
                   close = EXCLUDED.close, volume = candle.volume + EXCLUDED.volume,
                   trades = candle.trades + EXCLUDED.trades)
INSERT INTO book_change (instrument, sequence, previous_sequence, levels, batch)
  SELECT u.*, $8::bigint FROM unnest($10::int[], $11::bigint[], $12::bigint[], $13::text[]) u"""

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
        outcomes = self._outcomes
        journals: Rows = []
        postings: Rows = []
        trades: Rows = []
        events: Rows = []
        for outcome in outcomes:
            for entry in outcome.entries:
                journals.append((entry.id, outcome.sequence, entry.kind, entry.reference))
                postings.extend(
                    (owner, entry.id, line, asset, held, amount)
                    for line, (owner, asset, held, amount) in enumerate(entry.postings)
                )
            trades.extend((*trade, outcome.sequence) for trade, _ in outcome.trades)
            events.extend(
                (
                    news.owner,
                    news.first_sequence,
                    news.last_sequence,
                    orjson.dumps(news.payloads).decode(),
                    outcome.sequence,
                )
                for news in outcome.news
            )
        await things.write(connection, outcomes)
        await self._write_hot(connection, journals, postings, trades, events)
        instruments = await self._write_market_news(connection, trades)
        return await self._write_batch(connection, chain, journals, postings, trades, events, instruments)

    async def _write_hot(
        self, connection: Connection, journals: Rows, postings: Rows, trades: Rows, events: Rows
    ) -> None:
        placed = {order.id: order for outcome in self._outcomes for order in outcome.placed}
        changed = {
            order_id: order
            for outcome in self._outcomes
            for order_id, order in outcome.orders.items()
            if order_id not in placed
        }
        moved = {key for outcome in self._outcomes for key in outcome.balances}
        commands = _columns(self._commands, 7)
        event_columns = _columns(events, 5)
        await connection.execute(
            WRITE,
            *commands[:5],
            self._hashes,
            *commands[5:],
            *_columns((_placed_row(order) for order in placed.values()), 16),
            *_columns(((order.id, *_state_row(order)) for order in changed.values()), 6),
            *_columns(trades, 11),
            *_columns(journals, 4),
            *_columns(postings, 6),
            *_columns(((owner, asset, *self._state.balance(owner, asset)) for owner, asset in sorted(moved)), 4),
            *event_columns[:4],
            self.now,
            event_columns[4],
        )

    async def _write_market_news(self, connection: Connection, trades: Rows) -> list[int]:
        """Minute candles and book changes; returns the instruments that have news."""
        candles: dict[int, list[int]] = {}
        for instrument, _, price, quantity, *_ in trades:
            candle = candles.setdefault(instrument, [instrument, price, price, price, price, 0, 0])
            candle[2] = max(candle[2], price)
            candle[3] = min(candle[3], price)
            candle[4] = price
            candle[5] += quantity
            candle[6] += 1
        changes = [
            (market.instrument.id, market.book_sequence, self._book_sequences.get(symbol, 0), _levels(market))
            for symbol, market in self._state.markets.items()
            if market.book_sequence != self._book_sequences.get(symbol, 0)
        ]
        if candles or changes:
            await connection.execute(
                MARKET_NEWS,
                *_columns((tuple(candle) for candle in candles.values()), 7),
                self.sequence,
                self.now,
                *_columns(changes, 4),
            )
        return sorted({*candles, *(change[0] for change in changes)})

    async def _write_batch(
        self,
        connection: Connection,
        chain: bytes,
        journals: Rows,
        postings: Rows,
        trades: Rows,
        events: Rows,
        instruments: list[int],
    ) -> bytes:
        digest = self._state.digest()
        first, last = self._outcomes[0].sequence, self._outcomes[-1].sequence
        head = (self.sequence, self._epoch, first, last, digest.hex(), self.now)
        chain = journal.link(chain, [head], self._commands, journals, postings, trades)
        owners = sorted({event[0] for event in events})
        await connection.execute(
            BATCH, self.sequence, self._epoch, first, last, owners, instruments, digest, chain, self.now
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
