"""Reads of what people own while everything trades and breaks (I14): no snapshot ever shows a gram or a penny more.

Whole snapshots come from Postgres, by the login of the API; single wallets come through the API itself. A read that
fails because something is down is none; what it shows must be right.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence

import asyncpg

from domain.ledger.model import SystemAccount
from infra.postgres.connection import is_unavailable
from tests.crash.exchange import Exchange
from tests.crash.line import Lost
from tests.crash.truth import Findings

PAUSE_SECONDS = 0.1
SNAPSHOT = """
SELECT a.code, sum(b.available + b.held)::bigint AS total,
       count(*) FILTER (WHERE b.held < 0 OR (b.available < 0 AND NOT b.owner = ANY($1))) AS negative
  FROM balance b JOIN asset a ON a.id = b.asset GROUP BY a.code"""
WALLET = "{ viewer { wallet { balances { asset { code } available held } } } }"


def judge_snapshot(rows: Sequence[Mapping[str, object]]) -> Findings:
    """Everything that people have, with what issuance and float owe, is nothing at any time."""
    findings = Findings()
    findings.figures["bank snapshots"] += 1
    for row in rows:
        if row["total"] != 0:
            findings.breach("grams or money out of nothing", str(row["code"]), f"{row['total']} too many")
        if row["negative"] != 0:
            findings.breach("negative balance", str(row["code"]), f"{row['negative']} accounts")
    return findings


def judge_wallet(owner: str, balances: Sequence[Mapping[str, object]], assets: frozenset[str]) -> Findings:
    findings = Findings()
    findings.figures["wallets read"] += 1
    for balance in balances:
        code = str(balance["asset"]["code"])  # type: ignore[index]
        if code not in assets:
            findings.breach("unknown asset", owner, code)
        if int(str(balance["available"])) < 0 or int(str(balance["held"])) < 0:
            findings.breach("negative wallet", owner, json.dumps(balance))
    return findings


@contextlib.asynccontextmanager
async def bank_reads(exchange: Exchange, chance: random.Random) -> AsyncIterator[Findings]:
    """Reads on and on inside this block; what was found stands in the value."""
    findings = Findings()
    tasks = [
        asyncio.create_task(_snapshots(exchange.database_url, findings)),
        asyncio.create_task(_wallets(exchange, chance, findings)),
    ]
    try:
        yield findings
    finally:
        for task in tasks:
            task.cancel()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                raise done


async def _snapshots(database_url: str, findings: Findings) -> None:
    while True:
        try:
            connection = await asyncpg.connect(database_url, timeout=2)
            try:
                while True:
                    findings.add(
                        judge_snapshot(
                            await connection.fetch(SNAPSHOT, [SystemAccount.ISSUANCE, SystemAccount.FLOAT], timeout=2)
                        )
                    )
                    await asyncio.sleep(PAUSE_SECONDS)
            finally:
                connection.terminate()
        except Exception as error:
            if not is_unavailable(error):
                raise
        await asyncio.sleep(PAUSE_SECONDS)


async def _wallets(exchange: Exchange, chance: random.Random, findings: Findings) -> None:
    points = exchange.symbol.replace("PCA-", "PTS-").rpartition("-")[0]
    assets = frozenset({exchange.symbol, points, "EUR"})
    line = exchange.line()
    try:
        while True:
            person = chance.choice(exchange.people)
            with contextlib.suppress(Lost):
                body = await line.ask(WALLET, {}, person.token)
                if body.get("data") and body["data"]["viewer"]:
                    balances = body["data"]["viewer"]["wallet"]["balances"]
                    findings.add(judge_wallet(person.email, balances, assets))
            await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await line.hang_up()
