"""A real writer on a test's database; its clock, its bell and when it writes are in the test's hands."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from domain.commands import Answer, Command
from infra.engine.audit import audit
from infra.engine.commit_loop import Decided, Writer
from infra.engine.queue import LocalQueue
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase

WAIT_SECONDS = 20


class Clock:
    """Stands still until it is set."""

    def __init__(self, now: datetime = make.NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class StoppableWriter(Writer):
    """While `goes_on` is not set, it stands still before it writes a batch, as a machine that swaps does."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def _store(self, connection: Connection, decided: Decided) -> None:
        await self.goes_on.wait()
        await super()._store(connection, decided)


@dataclass
class Running:
    writer: StoppableWriter
    queue: LocalQueue
    clock: Clock
    task: asyncio.Task[None]

    async def submit(self, *commands: Command) -> list[Answer]:
        """All at once, in this order."""
        return list(await asyncio.gather(*(self.queue.submit(command) for command in commands)))

    async def outcome_of(self, *commands: Command) -> list[Answer | BaseException]:
        """As `submit`, with what each raised in its place."""
        waiting = (self.queue.submit(command) for command in commands)
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    async def until_ready(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            await self.queue.until_open()


@asynccontextmanager
async def started_writer(
    url: str,
    *,
    clock: Clock | None = None,
    size: int = 10_000,
    batch_size: int = 512,
    ring: Callable[[int], None] = lambda batch: None,
) -> AsyncIterator[Running]:
    """A writer that has been started and is ended at the exit; it may not be ready yet."""
    clock, queue = clock or Clock(), LocalQueue(size)
    writer = StoppableWriter(url, queue, ring, batch_size=batch_size, clock=clock)
    task = asyncio.create_task(writer.run())
    try:
        yield Running(writer, queue, clock, task)
    finally:
        writer.goes_on.set()
        writer.stop()
        await asyncio.wait({task}, timeout=WAIT_SECONDS)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def ready_writer(url: str, **options: Any) -> AsyncIterator[Running]:
    async with started_writer(url, **options) as running:
        await running.until_ready()
        yield running


OPENING: Sequence[Command] = (
    make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25),
    *(make.deposit(owner, 1_000_000) for owner in (make.ALICE, make.BOB, make.CAROL)),
    *(make.issue(owner, 100_000) for owner in (make.ALICE, make.BOB, make.CAROL)),
    *(make.issue(owner, 1_000, make.POINTS) for owner in (make.ALICE, make.BOB, make.CAROL)),
    make.create_offer(100, stock=5),
)
"""Programme LON with fees; Alice, Bob and Carol have money, grams and points; command 11 made an offer."""
OFFER = 11


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100 * WAIT_SECONDS):
        if await holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to hold in time")


async def until_alone(url: str) -> None:
    """Waits until Postgres has noticed that everybody else who used this database hung up."""
    connection = await asyncpg.connect(url)

    async def is_alone() -> bool:
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return bool(await connection.fetchval(sessions) == 1)

    try:
        await eventually(is_alone)
    finally:
        await connection.close()


async def end_writers_session(connection: Connection) -> None:
    """Cuts the writer's connection, as an administrator or a failover would."""
    await connection.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'gramme-writer' AND datname = current_database()"""
    )


TABLES = (
    "command",
    "batch",
    "journal",
    "posting",
    "balance",
    "orders",
    "trade",
    "account_event",
    "book_change",
    "offer",
)


async def counts(connection: Connection) -> dict[str, int]:
    """Rows of each table."""
    return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}


async def available(connection: Connection, owner: int, asset: str) -> tuple[int, int]:
    row = await connection.fetchrow(
        "SELECT available, held FROM balance JOIN asset ON asset.id = balance.asset WHERE owner = $1 AND code = $2",
        owner,
        asset,
    )
    return (row["available"], row["held"]) if row else (0, 0)


async def all_green(database: TestDatabase) -> bool:
    return all(check.ok for check in await audit(database.app_url))


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the writer had to log: a batch that was tried again is as good as the first time, but not as fast."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
