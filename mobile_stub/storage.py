"""The phone's own memory: one SQLite file, flushed to disk at every commit (WAL, synchronous FULL).

A request is stored with its key before it is sent, and its answer beside it before anyone sees it. The cursor of the
account events moves in the transaction that applies the event. So a phone killed at any moment starts again, sends
what is unanswered with the same keys, and takes up its events where it stopped.

Methods block for a disk flush; async callers run them in a thread. One lock serves all threads of a phone.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ANSWERED_KEPT = 1_000

_TABLES = """
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS request (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    operation TEXT NOT NULL,
    variables TEXT NOT NULL,
    answer TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS request_unanswered ON request (position) WHERE answer IS NULL;
CREATE TABLE IF NOT EXISTS balance (
    asset TEXT PRIMARY KEY, kind TEXT NOT NULL, available INTEGER NOT NULL, held INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS placed_order (
    client_order_id TEXT PRIMARY KEY, symbol TEXT NOT NULL, side TEXT NOT NULL, status TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS fill (
    symbol TEXT, sequence INTEGER, side TEXT NOT NULL, price INTEGER NOT NULL, quantity INTEGER NOT NULL,
    fee INTEGER NOT NULL, PRIMARY KEY (symbol, sequence)
) STRICT;
CREATE TABLE IF NOT EXISTS redemption (id TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT;
"""


class Applied(Enum):
    """What became of an account event: a GAP is not applied, something before it is missing."""

    NEW = "new"
    DUPLICATE = "duplicate"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Request:
    """Something to be sent until it is answered; `key` never changes."""

    key: str
    operation: str
    variables: Json


@dataclass(frozen=True, slots=True)
class Balance:
    """`kind` is the contract's AssetKind."""

    asset: str
    kind: str
    available: int
    held: int


@dataclass(frozen=True, slots=True)
class OpenOrder:
    client_order_id: str
    symbol: str
    side: str


@dataclass(frozen=True, slots=True)
class Fill:
    """This phone's side of one trade; `sequence` is the market's number of it."""

    symbol: str
    sequence: int
    side: str
    price: int
    quantity: int
    fee: int


class Storage:
    """Opens, or makes, the memory at `path`. The file holds tokens, so only its owner may read it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_TABLES)
        with self._transaction() as sql:
            sql.execute(
                "DELETE FROM request WHERE answer IS NOT NULL AND position <= (SELECT max(position) FROM request) - ?",
                (ANSWERED_KEPT,),
            )

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    # ---------------------------------------------------------------- notes: tokens and other single facts

    def note(self, name: str) -> Json | None:
        rows = self._rows("SELECT value FROM note WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else None

    def save_note(self, name: str, value: Json | None) -> None:
        """None forgets it."""
        with self._transaction() as sql:
            _write_note(sql, name, value)

    # ---------------------------------------------------------------- requests and their answers

    def save_request(self, request: Request) -> None:
        """Keeps it until it is answered. ValueError where the key belongs to another request."""
        variables = json.dumps(request.variables, sort_keys=True)
        with self._transaction() as sql:
            sql.execute(
                "INSERT INTO request (key, operation, variables) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (request.key, request.operation, variables),
            )
            saved = sql.execute("SELECT operation, variables FROM request WHERE key = ?", (request.key,)).fetchone()
            if saved != (request.operation, variables):
                raise ValueError(f"key {request.key} belongs to another request")

    def next_request(self) -> Request | None:
        """The oldest request without an answer."""
        rows = self._rows(
            "SELECT key, operation, variables FROM request WHERE answer IS NULL ORDER BY position LIMIT 1"
        )
        return Request(rows[0][0], rows[0][1], json.loads(rows[0][2])) if rows else None

    def save_answer(self, key: str, answer: Json) -> None:
        with self._transaction() as sql:
            sql.execute("UPDATE request SET answer = ? WHERE key = ?", (json.dumps(answer), key))

    def answer(self, key: str) -> Json | None:
        rows = self._rows("SELECT answer FROM request WHERE key = ? AND answer IS NOT NULL", key)
        return json.loads(rows[0][0]) if rows else None

    def unanswered(self) -> int:
        count: int = self._rows("SELECT count(*) FROM request WHERE answer IS NULL")[0][0]
        return count

    # ---------------------------------------------------------------- account events

    def position(self) -> tuple[str | None, int | None]:
        """Cursor and sequence of the last event applied. Sequence None: whatever number comes next is taken."""
        note = self.note("position")
        return (note["cursor"], note["sequence"]) if note else (None, 0)

    def restart_events(self, sequence: int | None) -> None:
        """Forgets the cursor: events are read from the oldest kept. 0 for a new account, whose first event is 1."""
        self.save_note("position", {"cursor": None, "sequence": sequence})

    def apply(self, event: Json) -> Applied:
        """Takes an AccountEvent of the contract into the tables and moves the cursor, in one transaction."""
        with self._transaction() as sql:
            row = sql.execute("SELECT value FROM note WHERE name = 'position'").fetchone()
            last: int | None = json.loads(row[0])["sequence"] if row else 0
            if last is not None and event["sequence"] <= last:
                return Applied.DUPLICATE
            if last is not None and event["sequence"] > last + 1:
                return Applied.GAP
            _apply_payload(sql, event["payload"])
            _write_note(sql, "position", {"cursor": event["cursor"], "sequence": event["sequence"]})
            return Applied.NEW

    def replace_balances(self, balances: list[Json]) -> None:
        """Takes the wallet as the server shows it, in place of what the events told."""
        with self._transaction() as sql:
            sql.execute("DELETE FROM balance")
            for balance in balances:
                _write_balance(sql, balance)

    def balances(self) -> dict[str, Balance]:
        """By asset code."""
        rows = self._rows("SELECT asset, kind, available, held FROM balance ORDER BY asset")
        return {row[0]: Balance(*row) for row in rows}

    def open_orders(self) -> list[OpenOrder]:
        rows = self._rows(
            "SELECT client_order_id, symbol, side FROM placed_order WHERE status IN ('OPEN', 'PARTIALLY_FILLED')"
        )
        return [OpenOrder(*row) for row in rows]

    def order_status(self, client_order_id: str) -> str | None:
        """As the events told it; None where none has named this order."""
        rows = self._rows("SELECT status FROM placed_order WHERE client_order_id = ?", client_order_id)
        return rows[0][0] if rows else None

    def fills(self) -> list[Fill]:
        """In the order of the markets' trade numbers."""
        rows = self._rows("SELECT symbol, sequence, side, price, quantity, fee FROM fill ORDER BY symbol, sequence")
        return [Fill(*row) for row in rows]

    def redemptions(self) -> dict[str, str]:
        """Status by node id."""
        return dict(self._rows("SELECT id, status FROM redemption ORDER BY id"))


def _write_note(sql: sqlite3.Connection, name: str, value: Json | None) -> None:
    if value is None:
        sql.execute("DELETE FROM note WHERE name = ?", (name,))
    else:
        sql.execute("INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)", (name, json.dumps(value)))


def _write_balance(sql: sqlite3.Connection, balance: Json) -> None:
    asset = balance["asset"]
    sql.execute(
        "INSERT OR REPLACE INTO balance (asset, kind, available, held) VALUES (?, ?, ?, ?)",
        (asset["code"], asset["kind"], balance["available"], balance["held"]),
    )


def _write_order(sql: sqlite3.Connection, order: Json) -> None:
    sql.execute(
        "INSERT OR REPLACE INTO placed_order (client_order_id, symbol, side, status) VALUES (?, ?, ?, ?)",
        (order["clientOrderId"], order["symbol"], order["side"], order["status"]),
    )


def _apply_payload(sql: sqlite3.Connection, payload: Json) -> None:
    kind = payload["__typename"]
    if kind == "BalanceChanged":
        _write_balance(sql, payload["balance"])
    elif kind == "OrderUpdated":
        _write_order(sql, payload["order"])
    elif kind == "TradeExecuted":
        order, fill = payload["order"], payload["fill"]
        _write_order(sql, order)
        sql.execute(
            "INSERT OR REPLACE INTO fill (symbol, sequence, side, price, quantity, fee) VALUES (?, ?, ?, ?, ?, ?)",
            (order["symbol"], fill["sequence"], order["side"], fill["price"], fill["quantity"], fill["fee"]),
        )
    elif kind == "RedemptionUpdated":
        redemption = payload["redemption"]
        sql.execute(
            "INSERT OR REPLACE INTO redemption (id, status) VALUES (?, ?)", (redemption["id"], redemption["status"])
        )
