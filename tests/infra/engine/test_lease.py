"""One writer at a time: the next waits, a frozen one is replaced, and one that was replaced writes nothing."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import asyncpg
import pytest

from domain.errors import Unavailable
from infra.engine import lease, pulse
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.exchange import stored
from tests.factories import ALICE, SYMBOL
from tests.infra.engine.running import OPENING, Clock, Running, counts, eventually, ready_writer, started_writer

PATIENCE_SECONDS = 1.0
"""Four times as long as a waiting writer takes to ask again."""


async def held_of(connection: Connection, owner: int) -> int:
    held: int = await connection.fetchval(
        "SELECT held FROM balance JOIN asset ON asset.id = balance.asset WHERE owner = $1 AND code = $2", owner, SYMBOL
    )
    return held


async def test_each_start_raises_the_epoch(database: TestDatabase, owner: Connection) -> None:
    epochs = []
    for _ in range(3):
        async with ready_writer(database.app_url) as running:
            await running.submit(make.create_programme())
        epochs.append(await owner.fetchval("SELECT epoch FROM lease"))

    assert epochs == [1, 2, 3]
    assert [row["epoch"] for row in await owner.fetch("SELECT epoch FROM batch ORDER BY sequence")] == [1, 2, 3]


async def test_a_second_writer_waits_until_the_first_ends(database: TestDatabase, owner: Connection) -> None:
    async with started_writer(database.app_url) as first:
        await first.until_ready()
        await first.submit(*OPENING)
        async with started_writer(database.app_url) as second:
            await asyncio.sleep(PATIENCE_SECONDS)
            assert second.writer.is_ready is False
            with pytest.raises(Unavailable):
                await second.submit(make.sell(ALICE, 1_000, 50_000))
            [answer] = await first.submit(make.sell(ALICE, 1_000, 50_000))
            assert answer.kind == "order"

            first.writer.stop()
            await second.until_ready()

            [later] = await second.submit(make.sell(ALICE, 2_000, 50_000))
            assert later.data == {"id": len(OPENING) + 2}
            assert first.writer.is_ready is False
    assert await held_of(owner, ALICE) == 3_000
    assert await owner.fetchval("SELECT epoch FROM lease") == 2


async def test_a_writer_that_waits_for_its_turn_can_be_stopped(database: TestDatabase) -> None:
    async with ready_writer(database.app_url), started_writer(database.app_url) as second:
        await asyncio.sleep(PATIENCE_SECONDS)
        second.writer.stop()

        await asyncio.wait_for(second.task, 2)


async def until_just_beaten(connection: Connection) -> None:
    """The writer says once a second that it lives, and finds out at that moment too that it was replaced."""
    before = await connection.fetchval("SELECT heartbeat FROM lease")

    async def beaten() -> bool:
        return bool(await connection.fetchval("SELECT heartbeat <> $1 FROM lease", before))

    await eventually(beaten)


async def test_a_writer_whose_epoch_was_raised_commits_nothing(running: Running, owner: Connection) -> None:
    order = make.sell(ALICE, 1_000, 50_000)
    await until_just_beaten(owner)
    before = await counts(owner)

    await owner.execute("UPDATE lease SET epoch = epoch + 1")
    [answer] = await running.outcome_of(order)

    assert isinstance(answer, Unavailable)
    assert await counts(owner) == before
    assert await held_of(owner, ALICE) == 0
    await running.until_ready()
    [again] = await running.submit(order)
    assert stored(again) == ("order", {"id": len(OPENING) + 1})
    assert await owner.fetchval("SELECT epoch FROM lease") == 3


async def test_a_batch_that_meets_the_next_writer_waits_and_commits_nothing(
    running: Running, owner: Connection, app: Connection
) -> None:
    """The epoch is being raised at that moment: the batch began before that was committed."""
    before = await counts(app)

    async def batch_waits() -> bool:
        waiting = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                      AND wait_event_type = 'Lock' AND query LIKE '%lease_held%'"""
        return bool(await app.fetchval(waiting) == 1)

    async with owner.transaction():
        await until_just_beaten(app)
        await owner.execute("UPDATE lease SET epoch = epoch + 1")
        unanswered = asyncio.create_task(running.outcome_of(make.sell(ALICE, 1_000, 50_000)))
        await eventually(batch_waits)
    [answer] = await unanswered

    assert isinstance(answer, Unavailable)
    assert await counts(app) == before
    assert await held_of(app, ALICE) == 0


async def test_an_idle_writer_whose_epoch_was_raised_finds_out_by_itself(running: Running, owner: Connection) -> None:
    await owner.execute("UPDATE lease SET epoch = epoch + 1")

    async def elected_again() -> bool:
        return bool(await owner.fetchval("SELECT epoch = 3 FROM lease"))

    await eventually(elected_again)
    await running.until_ready()


async def test_a_frozen_writer_is_replaced_and_can_write_no_more(database: TestDatabase, owner: Connection) -> None:
    """It stands still between two batches, as a machine that swaps does; its heartbeat grows old."""
    unanswered = make.sell(ALICE, 5_000, 50_000)
    async with started_writer(database.app_url) as frozen:
        await frozen.until_ready()
        await frozen.submit(*OPENING)
        await frozen.submit(make.sell(ALICE, 1_000, 50_000))
        frozen.writer.goes_on.clear()
        waiting = asyncio.create_task(frozen.outcome_of(unanswered))
        await owner.execute("UPDATE lease SET heartbeat = now() - interval '1 minute'")

        async with started_writer(database.app_url) as fresh:
            await fresh.until_ready()
            await fresh.submit(make.sell(ALICE, 2_000, 50_000))
            before = await counts(owner)
            frozen.writer.goes_on.set()

            [answer] = await waiting

            assert isinstance(answer, Unavailable)
            assert await counts(owner) == before
            assert await held_of(owner, ALICE) == 3_000
            assert frozen.writer.is_ready is False
            [again] = await fresh.submit(unanswered)
            assert again.kind == "order"
            frozen.task.cancel()
    assert await owner.fetchval("SELECT count(*) FROM orders") == 3


async def test_a_writer_that_says_it_lives_is_not_replaced(database: TestDatabase) -> None:
    """However long it has lived."""
    async with ready_writer(database.app_url) as first:
        await first.submit(*OPENING)
        async with started_writer(database.app_url) as second:
            for _ in range(3):
                await asyncio.sleep(PATIENCE_SECONDS / 2)
                [answer] = await first.submit(make.sell(ALICE, 1_000, 50_000))
                assert answer.kind == "order"
            assert second.writer.is_ready is False
            second.task.cancel()


class SlowClock(Clock):
    """Makes deciding take as long as it is told, as an auction of very many orders does: nothing else can run."""

    seconds = 0.0

    def __call__(self) -> datetime:
        time.sleep(self.seconds)
        return super().__call__()


async def takes_over_within(url: str, seconds: float) -> bool:
    """Whether a writer that waits becomes the next one, of `url` in that time."""
    deadline = time.monotonic() + seconds
    connection = await asyncpg.connect(url)
    try:
        return await lease.acquire(connection, "next", lambda: time.monotonic() < deadline) is not None
    finally:
        await connection.close()


@pytest.mark.parametrize(("longest", "is_replaced"), [(300, False), (1, True)])
async def test_a_writer_that_decides_for_long_is_not_replaced_but_for_a_limit(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, longest: int, is_replaced: bool
) -> None:
    monkeypatch.setattr(lease, "STALE_SECONDS", 1.5)
    monkeypatch.setattr(pulse, "LONGEST_SECONDS", longest)
    clock = SlowClock()
    async with ready_writer(database.app_url, clock=clock) as busy:
        await busy.submit(*OPENING)
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(asyncio.run, takes_over_within(database.app_url, 5))
            clock.seconds = 6
            await busy.outcome_of(make.sell(ALICE, 1_000, 50_000))
            clock.seconds = 0
            replaced = await asyncio.wrap_future(waiting)

    assert replaced is is_replaced


async def test_beating_with_an_old_epoch_is_refused(database: TestDatabase, app: Connection) -> None:
    epoch = await lease.acquire(app, "here", lambda: True)

    assert epoch == 1
    await lease.beat(app, epoch)
    with pytest.raises(lease.LeaseLost):
        await lease.beat(app, epoch - 1)
    assert await app.fetchval("SELECT address FROM lease") == "here"


async def test_the_lock_ends_with_the_connection(database: TestDatabase, app: Connection) -> None:
    holder = await asyncpg.connect(database.app_url)
    await lease.acquire(holder, "first", lambda: True)
    waiter = asyncio.create_task(lease.acquire(app, "second", lambda: True))
    await asyncio.sleep(PATIENCE_SECONDS / 2)
    assert not waiter.done()

    holder.terminate()

    assert await asyncio.wait_for(waiter, 10) == 2
