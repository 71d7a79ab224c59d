"""The one statement that writes a batch: a single round trip, and a transaction by itself.

A table's rows come as columns, each of them one text, which are unnested side by side. Where the lease is lost, nothing
is written. A COPY for each table costs Postgres as much and the writer more, and is a dozen round trips, each of which
waits for the event loop's turn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from infra.engine.encoding import array, lines
from infra.engine.journal import BY_COLUMNS

Columns = Sequence[Sequence[Any]]
"""The values of each column."""
Part = Mapping[str, str]
"""A table's columns: types by name. A `json` column is text that cannot hold a newline; a `bytea` comes as hexadecimal
digits."""


def _types(text: str) -> Part:
    return dict((name, type_) for name, type_ in map(str.split, text.split(",")))


ORDERS = _types(
    "id bigint, owner bigint, client_order_id uuid, instrument int, side text, type text, time_in_force text,"
    "price bigint, quantity bigint, post_only boolean, expires_at timestamptz, self_trade text, moved_by bigint,"
    "placed_quantity bigint, placed_price bigint, remaining bigint, status text, reason text, trades_until bigint,"
    "notional numeric"
)
CHANGED_ORDERS = {name: ORDERS[name] for name in ("id", "remaining", "status", "reason", "trades_until", "notional")}
COMMAND = _types(
    "sequence bigint, caller bigint, key uuid, kind text, payload json, answer_kind text, answer json,"
    "payload_hash bytea"
)
JOURNAL = _types("id bigint, command bigint, kind text, reference text")
POSTING = _types("owner bigint, entry bigint, line smallint, asset int, held boolean, amount bigint")
TRADE = _types(
    "instrument int, sequence bigint, price bigint, quantity bigint, value bigint, buy_order bigint,"
    "sell_order bigint, buyer_fee bigint, seller_fee bigint, aggressor text, command bigint"
)
EVENT = _types("owner bigint, last_sequence bigint, first_sequence bigint, command bigint, payload json")
BALANCE = _types("owner bigint, asset int, available bigint, held bigint")
CANDLE = _types("instrument int, open bigint, high bigint, low bigint, close bigint, volume bigint, trades int")
BOOK_CHANGE = _types(
    "instrument int, sequence bigint, previous_sequence bigint, levels json, phase text, indicative_price bigint,"
    "indicative_quantity bigint, surplus bigint"
)
CHAINED = (COMMAND, JOURNAL, POSTING, TRADE, EVENT, BOOK_CHANGE)
"""What never changes, and is bound into the hash chain."""
PARTS = (ORDERS, CHANGED_ORDERS, BALANCE, CANDLE, *CHAINED)
HEAD = _types(
    "epoch bigint, sequence bigint, first_command bigint, last_command bigint, owners bigint[], instruments int[],"
    "book_digest bytea, chain bytea, at timestamptz"
)
"""The columns of the batch's own row."""


def _statement() -> str:
    numbers = count(1)
    head = {name: f"${next(numbers)}::{_sent_as(type_)}" for name, type_ in HEAD.items()}
    at = head["at"]
    rows = [", ".join(f"{_unnested(type_, next(numbers))} AS {name}" for name, type_ in part.items()) for part in PARTS]
    orders, changed, balance, candle, command, journal, posting, trade, event, book_change = rows
    return f"""
WITH
lease_held AS MATERIALIZED (SELECT FROM lease WHERE id = 1 AND epoch = {head["epoch"]} FOR SHARE),
placed AS (INSERT INTO orders ({", ".join(ORDERS)}, placed_at) SELECT {orders}, {at} FROM lease_held),
changed AS (
  UPDATE orders o SET remaining = u.remaining, status = u.status, reason = u.reason, trades_until = u.trades_until,
                      notional = u.notional
    FROM (SELECT {changed} FROM lease_held) u WHERE o.id = u.id),
commands AS (INSERT INTO command ({", ".join(COMMAND)}, at) SELECT {command}, {at} FROM lease_held),
entries AS (INSERT INTO journal ({", ".join(JOURNAL)}, at) SELECT {journal}, {at} FROM lease_held),
postings AS (INSERT INTO posting ({", ".join(POSTING)}) SELECT {posting} FROM lease_held),
trades AS (INSERT INTO trade ({", ".join(TRADE)}, at) SELECT {trade}, {at} FROM lease_held),
events AS (INSERT INTO account_event ({", ".join(EVENT)}, at) SELECT {event}, {at} FROM lease_held),
balances AS (
  INSERT INTO balance ({", ".join(BALANCE)}) SELECT {balance} FROM lease_held
  ON CONFLICT (owner, asset) DO UPDATE SET available = EXCLUDED.available, held = EXCLUDED.held),
candles AS (
  INSERT INTO candle ({", ".join(CANDLE)}, opened_at) SELECT {candle}, date_trunc('minute', {at}) FROM lease_held
  ON CONFLICT (instrument, opened_at) DO UPDATE
    SET high = greatest(candle.high, EXCLUDED.high), low = least(candle.low, EXCLUDED.low), close = EXCLUDED.close,
        volume = least(candle.volume::numeric + EXCLUDED.volume, 9007199254740991),
        trades = candle.trades + EXCLUDED.trades),
book_changes AS (
  INSERT INTO book_change ({", ".join(BOOK_CHANGE)}, batch) SELECT {book_change}, {head["sequence"]} FROM lease_held),
batches AS (
  INSERT INTO batch ({", ".join(HEAD)}, link) SELECT {", ".join(head.values())}, {BY_COLUMNS} FROM lease_held)
SELECT count(*) FROM lease_held"""


def _sent_as(type_: str) -> str:
    return f"text::{type_}" if type_.endswith("[]") else type_


def _unnested(type_: str, number: int) -> str:
    if type_ == "json":
        return rf"unnest(string_to_array(${number}::text, E'\n'))"
    if type_ == "bytea":
        return f"decode(unnest(${number}::text::text[]), 'hex')"
    return f"unnest(${number}::text::{type_}[])"


STATEMENT = _statement()
"""Takes the values of HEAD, then the columns of each of PARTS. Gives 1, or 0 where the lease is lost."""


def head_arguments(head: Sequence[Any]) -> Iterator[Any]:
    """The values of HEAD as the statement takes them."""
    return (array(value) if type_.endswith("[]") else value for type_, value in zip(HEAD.values(), head, strict=True))


def columns(rows: Iterable[Sequence[Any]]) -> Columns:
    """None without rows."""
    return list(zip(*rows, strict=True))


def texts(parts: Sequence[Part], values: Sequence[Columns]) -> list[str]:
    """The columns of some of PARTS as the statement takes them; a part without rows need not have any."""
    return [
        lines(column) if type_ == "json" else array(column)
        for part, values_of_part in zip(parts, values, strict=True)
        for type_, column in zip(part.values(), values_of_part or [()] * len(part), strict=True)
    ]
