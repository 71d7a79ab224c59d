"""Every check of a crash test is seen red: on rows that were tampered with, and on a line that lies about a COMMIT.

That the audit finds what I1 to I4, I8, I9 and I11 forbid is shown by tests/infra/engine/test_audit.py, each of its
checks by corruptions of its own; what the replay finds (I10), by test_replay.py beside it.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.commands import Command
from infra.postgres.connection import Connection
from schema.node import to_base64
from tests import factories as make
from tests.conftest import TestDatabase
from tests.crash.bank import SNAPSHOT, judge_snapshot, judge_wallet
from tests.crash.exchange import Exchange
from tests.crash.fleet import fleet_on
from tests.crash.followers import Followed
from tests.crash.load import Answer, Load, Saved, during
from tests.crash.machine import Machine
from tests.crash.naively import naively_replayed
from tests.crash.subscriber import Subscriber
from tests.crash.truth import Findings, Stored, audited, compare, compare_all, replayed, settled
from tests.factories import ALICE, BOB, CAROL
from tests.infra.engine.running import OPENING, ready_writer, until_alone
from tests.postgres_line import AtCommit, PostgresLine

DAY: list[Command] = [
    make.sell(ALICE, 5_000, 50_000),
    make.buy(BOB, 3_000, 50_000),
    make.buy(CAROL, 1_000, 49_000),
    make.redeem(ALICE, len(OPENING), "ONE"),
    make.capture("ONE"),
]
SOLD, BOUGHT, _, REDEEMED, _ = range(len(OPENING) + 1, len(OPENING) + 1 + len(DAY))


@asynccontextmanager
async def a_day(database: TestDatabase) -> AsyncIterator[Connection]:
    """A database that a writer wrote and left; triggers are off, so that anything can be changed in it."""
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING)
        await running.submit(*DAY)
    await until_alone(database.owner_url)
    connection = await asyncpg.connect(database.owner_url)
    try:
        yield connection
    finally:
        await connection.close()


def saved(command: Command, kind: str, answer: Answer) -> tuple[Saved, Answer]:
    return Saved(kind, str(command.key), "", {}, "", answer), answer


def order_answer(number: int, status: str) -> Answer:
    return Answer("Order", to_base64(f"Order:{number}"), status)


def acknowledged() -> list[tuple[Saved, Answer]]:
    """What the people of that day were told."""
    return [
        saved(DAY[0], "PLACE_ORDER", order_answer(SOLD, "OPEN")),
        saved(DAY[1], "PLACE_ORDER", order_answer(BOUGHT, "FILLED")),
        saved(DAY[3], "REDEEM_OFFER", Answer("Redemption", to_base64(f"Redemption:{REDEEMED}"), None)),
        saved(DAY[4], "CAPTURE_REDEMPTION", Answer("Redemption", to_base64(f"Redemption:{REDEEMED}"), None)),
    ]


# ---------------------------------------------------------------- I5, I6, I11: what was acknowledged

TAMPERED = {
    "an order that is gone": ("lost", f"DELETE FROM orders WHERE id = {SOLD}"),
    "a command that is gone": ("lost", f"DELETE FROM command WHERE sequence = {SOLD}"),
    "an order under another number": ("changed", f"UPDATE orders SET id = 4711 WHERE id = {BOUGHT}"),
    "a command under another number": ("changed", f"UPDATE command SET sequence = 4711 WHERE sequence = {BOUGHT}"),
    "a final state that changed": ("changed", f"UPDATE orders SET status = 'CANCELLED' WHERE id = {BOUGHT}"),
    "a key twice": (
        "doubled",
        f"""ALTER TABLE command DROP CONSTRAINT command_caller_key_key;
            INSERT INTO command SELECT 4711, caller, key, kind, payload, payload_hash, answer_kind, answer, at
              FROM command WHERE sequence = {SOLD}""",
    ),
    "an order twice": (
        "doubled",
        f"""CREATE TEMP TABLE twin AS SELECT * FROM orders WHERE id = {SOLD};
            UPDATE twin SET id = 4711; INSERT INTO orders SELECT * FROM twin""",
    ),
    "a capture that is gone": ("capture lost", "UPDATE redemption SET status = 'RESERVED'"),
}


async def test_what_was_acknowledged_is_there(database: TestDatabase) -> None:
    async with a_day(database):
        findings = compare(acknowledged(), await Stored.read(database.owner_url))

    assert findings.breaches == {}
    assert findings.figures["answers against rows"] == 4


@pytest.mark.parametrize("name", TAMPERED)
async def test_what_was_acknowledged_and_is_not_so_is_found(database: TestDatabase, name: str) -> None:
    breach, statement = TAMPERED[name]
    async with a_day(database) as connection:
        await connection.execute(statement)
        findings = compare(acknowledged(), await Stored.read(database.owner_url))

    assert set(findings.breaches) == {breach}


async def test_a_cancel_that_did_not_hold_is_found(database: TestDatabase) -> None:
    told = [(Saved("CANCEL_ORDER", str(DAY[0].key), "", {}, ""), order_answer(SOLD, "CANCELLED"))]
    async with a_day(database):
        findings = compare(told, await Stored.read(database.owner_url))

    assert set(findings.breaches) == {"cancel lost"}


async def test_an_order_that_nobody_placed_and_an_effect_too_many_are_found(database: TestDatabase) -> None:
    async with a_day(database):
        findings = compare_all(acknowledged(), await Stored.read(database.owner_url))

    assert list(findings.breaches["never asked"]) == [str(DAY[2].key)]
    assert "ORDER_PLACED" in findings.breaches["wrong number of effects"]


# ---------------------------------------------------------------- I7, I10: the log


async def test_the_log_of_that_day_is_sound(database: TestDatabase) -> None:
    async with a_day(database):
        findings = Findings()
        findings.add(await naively_replayed(database.owner_url))
        findings.add(await replayed(database.owner_url))
        findings.add(await audited(database.owner_url))

    assert findings.breaches == {}
    assert findings.figures["commands replayed naively"] == len(OPENING) + len(DAY)
    assert findings.figures["trades compared byte for byte"] == 1


MISMATCHED = {
    "price": "UPDATE trade SET price = price + 1",
    "fee": "UPDATE trade SET seller_fee = seller_fee + 1",
    "aggressor": "UPDATE trade SET aggressor = 'SELL'",
    "priority": f"UPDATE trade SET sell_order = {SOLD + 7}",
    "trade gone": "DELETE FROM trade",
}


@pytest.mark.parametrize("name", MISMATCHED)
async def test_other_trades_than_the_naive_market_makes_are_found(database: TestDatabase, name: str) -> None:
    async with a_day(database) as connection:
        await connection.execute(MISMATCHED[name])
        findings = await naively_replayed(database.owner_url)

    assert set(findings.breaches) == {"other trades naively"}


async def test_another_answer_than_the_naive_market_gives_is_found(database: TestDatabase) -> None:
    async with a_day(database) as connection:
        await connection.execute(f"UPDATE command SET answer_kind = 'INSUFFICIENT_BALANCE' WHERE sequence = {SOLD}")
        naive, ours = await naively_replayed(database.owner_url), await replayed(database.owner_url)

    assert list(naive.breaches["naively answered otherwise"]) == [f"command {SOLD}"]
    assert set(ours.breaches) == {"other replay"}


async def test_a_red_audit_is_a_breach(database: TestDatabase) -> None:
    async with a_day(database) as connection:
        await connection.execute(f"UPDATE balance SET available = available + 1 WHERE owner = {ALICE}")
        findings = await audited(database.owner_url)

    assert set(findings.breaches) == {"red audit"}


# ---------------------------------------------------------------- I12: who follows


class Told(Subscriber):
    def __init__(self, *sequences: int) -> None:
        super().__init__("", "", "", {}, "")
        self.sequences = list(sequences)


@pytest.mark.parametrize(
    ("seen", "breaches"),
    [
        ((4, 5, 6), {}),
        ((4, 6), {"events missed": {"5": "up to 5"}}),
        ((4, 5), {"events missed": {"6": "up to 6"}}),
        ((5, 6), {"events missed": {"4": "up to 4"}}),
        ((4, 5, 5, 6), {"events seen twice": {"5": "after 5"}}),
        ((5, 4, 6), {"events missed": {"4": "up to 4", "5": "up to 5"}, "events seen twice": {"4": "after 5"}}),
        ((3, 4, 5, 6), {"events seen twice": {"3": "after 3"}}),
    ],
)
def test_what_a_follower_missed_or_saw_twice_is_found(seen: tuple[int, ...], breaches: dict[str, Any]) -> None:
    findings = Findings()

    Followed("events", Told(*seen), before=3).compare(last=6, findings=findings)

    assert findings.breaches == breaches


# ---------------------------------------------------------------- I14: reads in between


async def test_a_penny_too_many_shows_in_a_snapshot(database: TestDatabase) -> None:
    async with a_day(database) as connection:
        sound = judge_snapshot(await connection.fetch(SNAPSHOT, [1, 6]))
        await connection.execute(f"UPDATE balance SET available = available + 1 WHERE owner = {BOB} AND asset = 1")
        rich = judge_snapshot(await connection.fetch(SNAPSHOT, [1, 6]))
        await connection.execute(
            f"""ALTER TABLE balance DROP CONSTRAINT balance_check;
                UPDATE balance SET available = -5 WHERE owner = {BOB} AND asset = 1"""
        )
        poor = judge_snapshot(await connection.fetch(SNAPSHOT, [1, 6]))

    assert sound.breaches == {}
    assert set(rich.breaches) == {"grams or money out of nothing"}
    assert "negative balance" in poor.breaches


def test_a_wallet_with_a_debt_or_an_unknown_asset_is_found() -> None:
    def wallet(code: str, available: int, held: int) -> dict[str, Any]:
        return {"asset": {"code": code}, "available": available, "held": held}

    known = frozenset({"EUR"})
    assert judge_wallet("Ada", [wallet("EUR", 0, 0)], known).breaches == {}
    assert set(judge_wallet("Ada", [wallet("EUR", -1, 0)], known).breaches) == {"negative wallet"}
    assert set(judge_wallet("Ada", [wallet("EUR", 1, -1)], known).breaches) == {"negative wallet"}
    assert set(judge_wallet("Ada", [wallet("USD", 1, 0)], known).breaches) == {"unknown asset"}


# ---------------------------------------------------------------- whole processes


@pytest.mark.crash
async def test_an_answer_before_its_commit_is_found(machine: Machine, tmp_path: Path, chance: random.Random) -> None:
    """The line tells Postgres ROLLBACK and the engine that it has committed: it acknowledges what is not there."""
    line = PostgresLine(machine.servers.app_url)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(line.opened())
        fleet = await stack.enter_async_context(
            fleet_on(machine, tmp_path, of_engines=[{"GRAMME_DATABASE_URL": address}])
        )
        load = Load(fleet.exchange, chance)
        stack.push_async_callback(load.hang_up)
        await during(load, lambda: asyncio.sleep(1))
        order = load.new_order(fleet.exchange.people[0])
        line.at_commit = AtCommit.LIE
        [order.answer] = await load.send_copies([order])
        findings = compare(load.acknowledged(), await Stored.read(fleet.exchange.database_url))

    assert line.struck == 1
    assert order.answer.name == "Order"
    assert list(findings.breaches) == ["lost"]
    assert list(findings.breaches["lost"]) == [order.key]


@pytest.mark.crash
async def test_a_forgotten_key_is_found(exchange: Exchange, chance: random.Random) -> None:
    """The stored hashes of what was asked for are exchanged, so that a repeat is refused and another order is not.

    The chain of batches holds them too.
    """
    load = Load(exchange, chance)
    try:
        await during(load, lambda: asyncio.sleep(0.5))
        sound = await settled(exchange, load, chance)
        connection = await asyncpg.connect(exchange.database_url)
        try:
            await connection.execute("UPDATE command SET payload_hash = '\\x00' WHERE kind = 'PLACE_ORDER'")
        finally:
            await connection.close()
        findings = await settled(exchange, load, chance)
    finally:
        await load.hang_up()

    assert sound.breaches == {}
    assert set(findings.breaches) == {"answered otherwise when repeated", "red audit"}
