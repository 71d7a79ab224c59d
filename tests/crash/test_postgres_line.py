"""The line between engine and Postgres fails in every way: at a COMMIT, slowly, in crumbs, without a word."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.crash.conftest import Tell
from tests.crash.fleet import TAKEOVER_SECONDS, Fleet, fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial
from tests.postgres_line import CHUNK, AtCommit, PostgresLine

SLOW_SECONDS = 0.2
FAULT_SECONDS = 3.0
LOCK_SECONDS = 6.0
HEAL_SECONDS = 30


async def until_struck(line: PostgresLine, how: AtCommit) -> None:
    """Waits until the next COMMIT was dealt with in this way."""
    struck = line.struck
    line.at_commit = how
    async with asyncio.timeout(TAKEOVER_SECONDS):
        while line.struck == struck:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.crash
async def test_a_line_to_postgres_may_fail_in_every_way(
    machine: Machine, tmp_path: Path, chance: random.Random, times: int, tell: Tell
) -> None:
    lines = [PostgresLine(machine.servers.app_url) for _ in range(2)]
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(line.opened()) for line in lines]
        settings = [{"GRAMME_DATABASE_URL": address} for address in addresses]
        fleet = await stack.enter_async_context(fleet_on(machine, tmp_path, engines=2, of_engines=settings))

        async def line_of_the_writer() -> PostgresLine:
            return lines[fleet.engines.index(await fleet.writer())]

        async def at_commit(how: AtCommit) -> None:
            epoch = await fleet.epoch()
            await until_struck(await line_of_the_writer(), how)
            await fleet.until_epoch_after(epoch, HEAL_SECONDS)
            await running.look()

        async def slow() -> str:
            line = await line_of_the_writer()
            line.delay_seconds = SLOW_SECONDS
            before = len(running.load.acknowledged())
            await asyncio.sleep(FAULT_SECONDS)
            line.delay_seconds = 0.0
            return f"{(len(running.load.acknowledged()) - before) / FAULT_SECONDS:.0f} answers/s"

        async def crumbs() -> None:
            line = await line_of_the_writer()
            line.piece_bytes = 1
            await asyncio.sleep(FAULT_SECONDS)
            line.piece_bytes = CHUNK

        async def silent() -> None:
            """Both ends believe in a connection that carries nothing; the other engine takes over."""
            line = await line_of_the_writer()
            epoch = await fleet.epoch()
            line.carries.clear()
            try:
                await fleet.until_epoch_after(epoch, TAKEOVER_SECONDS)
                await running.look()
            finally:
                line.carries.set()

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(times):
                await running.strike("line cut before the COMMIT", partial(at_commit, AtCommit.CUT_BEFORE))
                await running.strike("line cut after the COMMIT", partial(at_commit, AtCommit.CUT_AFTER))
                await running.strike("slow line", slow)
                await running.strike("line of single bytes", crumbs)
                await running.strike("silent line", silent)


@pytest.mark.crash
async def test_a_blocked_postgres_sheds_load_and_loses_nothing(
    machine: Machine, tmp_path: Path, chance: random.Random, times: int, tell: Tell
) -> None:
    async with fleet_on(machine, tmp_path, of_engines=[{"GRAMME_QUEUE_SIZE": "16"}]) as fleet:

        async def block() -> str:
            overloaded = running.load.unanswered["Overloaded"]
            async with _locked(fleet):
                await asyncio.sleep(1)
                acknowledged = len(running.load.acknowledged())
                await asyncio.sleep(LOCK_SECONDS - 1)
                assert len(running.load.acknowledged()) == acknowledged, "acknowledged without a commit"
            await fleet.until_ready(HEAL_SECONDS)
            return f"{running.load.unanswered['Overloaded'] - overloaded} times OVERLOADED"

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(times):
                await running.strike("Postgres blocked by a lock", block)
    assert running.load.unanswered["Overloaded"] > 0


@asynccontextmanager
async def _locked(fleet: Fleet) -> AsyncIterator[None]:
    """Nobody reads or writes the commands inside this block."""
    connection = await asyncpg.connect(fleet.exchange.database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE command IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()
