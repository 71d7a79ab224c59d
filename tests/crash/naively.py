"""The stored log through the naive market (I7): a second exchange, written apart from ours, makes the same trades."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from infra.engine.journal import command_of
from infra.postgres.connection import Connection
from tests.crash.truth import Findings
from tests.domain.naive_market import NaiveMarket

AGGRESSORS = {True: "BUY", False: "SELL", None: None}
TRADES = """
SELECT i.symbol, t.sequence, t.price, t.quantity, t.value, t.buy_order, t.sell_order, t.buyer_fee, t.seller_fee,
       t.aggressor
  FROM trade t JOIN instrument i ON i.id = t.instrument WHERE t.command <= $1 ORDER BY i.symbol, t.sequence"""


async def naively_replayed(database_url: str, commands_max: int | None = None) -> Findings:
    """From the first command on, at most so many: the work grows with the square of their number."""
    findings = Findings()
    async with _snapshot(database_url) as connection:
        market = NaiveMarket()
        count = 0
        async for row in connection.cursor(
            "SELECT kind, caller, key, payload, answer_kind, at FROM command ORDER BY sequence LIMIT $1", commands_max
        ):
            count += 1
            command = command_of(row["kind"], row["caller"], row["key"], row["payload"])
            kind, _ = market.apply(command, row["at"])
            if kind != row["answer_kind"]:
                findings.breach(
                    "naively answered otherwise", f"command {count}", f"{row['answer_kind']}, naively {kind}"
                )
        stored = [tuple(row) for row in await connection.fetch(TRADES, count)]
    naive = _trades(market)
    findings.figures["commands replayed naively"] = count
    findings.figures["trades compared byte for byte"] = len(stored)
    if orjson.dumps(stored) != orjson.dumps(naive):
        differing = next(
            (pair for pair in zip(stored, naive, strict=False) if pair[0] != pair[1]),
            f"{len(stored)} stored, {len(naive)} naively",
        )
        findings.breach("other trades naively", "first difference", str(differing))
    return findings


def _trades(market: NaiveMarket) -> list[tuple[Any, ...]]:
    return [
        (symbol, *trade[:-1], AGGRESSORS[trade[-1]])
        for symbol in sorted(market.trades)
        for trade in market.trades[symbol]
    ]


@asynccontextmanager
async def _snapshot(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()
