"""The commit loop on a real database: the pure engine's answers, COMMIT first, time, the database's own guard."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.commands import Answer
from domain.errors import Overloaded, Unavailable
from domain.orders.model import OrderStatus, TimeInForce
from infra.engine.recovery import recover
from infra.engine.replay import first_difference
from infra.postgres.connection import Connection
from infra.postgres.rows import order_of
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.exchange import picture, stored
from tests.domain.streams import Phase, RandomDay
from tests.factories import ALICE, BOB, CAROL, NOON, SYMBOL
from tests.infra.engine.running import (
    OFFER,
    OPENING,
    Running,
    all_green,
    available,
    counts,
    end_writers_session,
    eventually,
    ready_writer,
    troubles,
)
from tests.postgres_line import AtCommit, PostgresLine

# ---------------------------------------------------------------- the pure engine's answers


async def send(running: Running, phase: Phase) -> None:
    """Everything of the phase at once; each answer must be the pure engine's, fresh or repeated."""
    running.clock.now = phase.now
    for command, answer, expected in zip(
        phase.commands, await running.submit(*phase.commands), phase.answers, strict=True
    ):
        assert answer == expected, command


@pytest.mark.parametrize("batch_size", [1, 7, 512])
async def test_a_random_day_is_answered_and_stored_as_the_pure_engine_decides(
    database: TestDatabase, owner: Connection, seed: int, batch_size: int, caplog: pytest.LogCaptureFixture
) -> None:
    day = RandomDay(seed)
    phases = day.phases(count=12, length=40)

    async with ready_writer(database.app_url, batch_size=batch_size) as running:
        for phase in phases:
            await send(running, phase)

    assert not troubles(caplog)
    await assert_stored_as(day, owner)
    assert await all_green(database)
    commands, digest, difference = await first_difference(database.app_url)
    assert (commands, digest, difference) == (
        day.exchange.state.command_sequence,
        day.exchange.state.digest(),
        None,
    )


async def test_a_random_day_goes_on_through_restarts_of_the_writer(
    database: TestDatabase, owner: Connection, seed: int
) -> None:
    day = RandomDay(seed)

    for phase in day.phases(count=12, length=25):
        async with ready_writer(database.app_url) as running:
            await send(running, phase)

    await assert_stored_as(day, owner)
    assert await all_green(database)


async def assert_stored_as(day: RandomDay, connection: Connection) -> None:
    """Rows and recovered state are those of the pure engine."""
    state = day.exchange.state
    recovered = (await recover(connection)).state
    expected, found = picture(state), picture(recovered)
    parts = (
        "entry",
        "assets",
        "markets",
        "sessions",
        "proposals",
        "programmes",
        "closed",
        "offers",
        "orders",
        "redemptions",
        "timers",
        "standing",
    )
    for part in parts:
        assert found[part] == expected[part], part
    balances = {
        (row["owner"], row["asset"]): (row["available"], row["held"])
        for row in await connection.fetch("SELECT * FROM balance WHERE available <> 0 OR held <> 0")
    }
    assert balances == expected["balances"]
    events = await connection.fetch("SELECT owner, max(last_sequence) AS last FROM account_event GROUP BY owner")
    assert {row["owner"]: row["last"] for row in events} == expected["events"]
    ended = {order.id: order for order in state.ended_orders.values()} | state.orders_by_id
    rows = await connection.fetch("SELECT * FROM orders")
    instruments = {market.instrument.id: market.instrument for market in state.markets.values()}
    assert {row["id"]: order_of(row, instruments) for row in rows} == {
        order.id: order.as_it_is() for order in ended.values()
    }
    redemptions = await connection.fetch("SELECT id, status FROM redemption")
    assert {row["id"]: row["status"] for row in redemptions} == {
        each.id: each.status for each in (state.redemptions | state.ended_redemptions).values()
    }


# ---------------------------------------------------------------- commit, then answer, then the bell


async def raise_at_commit(owner: Connection, what: str) -> None:
    """Makes every COMMIT of a batch fail as a broken disk or constraint would."""
    await owner.execute(
        f"""CREATE FUNCTION fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {what}; RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON batch DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW EXECUTE FUNCTION fail_at_commit()"""
    )


async def let_commits_pass(owner: Connection) -> None:
    await owner.execute("DROP TRIGGER fail_at_commit ON batch")


async def test_nothing_is_answered_before_the_commit_and_a_commit_that_fails_is_no_answer(
    running: Running, owner: Connection
) -> None:
    """The connection dies inside COMMIT: nobody may have been told that the order stands."""
    before = await counts(owner)
    await raise_at_commit(owner, "PERFORM pg_terminate_backend(pg_backend_pid())")
    orders = [make.sell(owner_, 1_000, 50_000) for owner_ in (ALICE, BOB, CAROL)]

    answers = await running.outcome_of(*orders)

    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert await counts(owner) == before
    await let_commits_pass(owner)
    await running.until_ready()
    again = await running.submit(*orders)
    assert [stored(answer) for answer in again] == [("order", {"id": len(OPENING) + n}) for n in (1, 2, 3)]
    assert await owner.fetchval("SELECT count(*) FROM orders") == 3


async def test_a_commit_whose_answer_is_lost_is_found_again_by_its_key(
    database: TestDatabase, owner: Connection
) -> None:
    """Postgres carried out the COMMIT, the line broke before it could say so."""
    line = PostgresLine(database.app_url)
    url = await line.open()
    orders = [make.sell(ALICE, 1_000, 50_000), make.buy(BOB, 1_000, 50_000)]
    try:
        async with ready_writer(url) as running:
            await running.submit(*OPENING)
            line.at_commit = AtCommit.CUT_AFTER
            unknown = await running.outcome_of(*orders)
            stands = await owner.fetchval("SELECT count(*) FROM orders")
            await running.until_ready()
            again = await running.submit(*orders)
    finally:
        await line.close()

    assert line.struck == 1
    assert [type(answer) for answer in unknown] == [Unavailable, Unavailable]
    assert stands == 2
    assert [stored(answer) for answer in again] == [("order", {"id": len(OPENING) + n}) for n in (1, 2)]
    assert await owner.fetchval("SELECT count(*) FROM trade") == 1
    assert await owner.fetchval("SELECT max(sequence) FROM command") == len(OPENING) + 2
    assert await all_green(database)


async def test_the_bell_rings_for_each_batch_when_it_can_be_read(database: TestDatabase, owner: Connection) -> None:
    seen: list[tuple[int, asyncio.Task[int]]] = []
    turns = asyncio.Lock()

    async def newest() -> int:
        async with turns:
            return int(await owner.fetchval("SELECT max(sequence) FROM batch"))

    def ring(batch: int) -> None:
        seen.append((batch, asyncio.create_task(newest())))

    async with ready_writer(database.app_url, ring=ring, batch_size=4) as running:
        await running.submit(*OPENING)
        await running.submit(OPENING[0])

    assert [batch for batch, _ in seen] == list(range(1, len(seen) + 1))
    assert all([batch <= await known for batch, known in seen])
    assert len(seen) == await owner.fetchval("SELECT count(*) FROM batch") == -(-len(OPENING) // 4)


async def test_what_was_committed_is_answered_though_the_writer_is_cancelled(database: TestDatabase) -> None:
    """At the very moment at which the next batch, decided meanwhile, is let go on."""
    async with ready_writer(database.app_url, batch_size=1) as running:
        await running.submit(*OPENING)
        running.writer.goes_on.clear()
        first, second = (asyncio.create_task(running.queue.submit(make.deposit(ALICE, 1))) for _ in range(2))
        await asyncio.sleep(0.1)
        assert running.writer._writing is not None
        running.writer._writing.stored.add_done_callback(lambda _: running.task.cancel())
        running.writer.goes_on.set()

        assert (await asyncio.wait_for(first, 2)).kind == "balance"
        second.cancel()


# ---------------------------------------------------------------- too much, too early


async def test_a_full_queue_is_overloaded_and_nothing_is_kept(database: TestDatabase, owner: Connection) -> None:
    async with ready_writer(database.app_url, size=20) as running:
        await running.submit(*OPENING)
        running.writer.goes_on.clear()
        taken = []
        for _batch in ("that is written", "that is decided"):
            taken.append(asyncio.create_task(running.queue.submit(make.deposit(ALICE, 1))))
            await asyncio.sleep(0.1)
        waiting = [asyncio.create_task(running.queue.submit(make.deposit(ALICE, 1))) for _ in range(20)]
        await asyncio.sleep(0)
        refused = make.sell(ALICE, 1_000, 50_000)

        with pytest.raises(Overloaded):
            await running.submit(refused)

        running.writer.goes_on.set()
        assert [answer.kind for answer in await asyncio.gather(*taken, *waiting)] == ["balance"] * 22
        assert await owner.fetchval("SELECT count(*) FROM command WHERE key = $1", refused.key) == 0
        [answer] = await running.submit(refused)
        assert answer.kind == "order"


async def test_after_stop_nothing_is_taken(database: TestDatabase, owner: Connection) -> None:
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING)
        running.writer.stop()
        await asyncio.wait_for(running.task, 5)

        with pytest.raises(Unavailable):
            await running.submit(make.sell(ALICE, 1_000, 50_000))
        assert running.writer.is_ready is False
    assert await owner.fetchval("SELECT max(sequence) FROM command") == len(OPENING)


async def test_orders_of_the_batch_under_way_are_answered_before_it_stops(database: TestDatabase) -> None:
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING)
        orders = [asyncio.create_task(running.queue.submit(make.sell(ALICE, 1_000, 50_000))) for _ in range(20)]
        await asyncio.sleep(0)
        running.writer.stop()
        answers = await asyncio.gather(*orders, return_exceptions=True)

    assert {answer.kind if isinstance(answer, Answer) else type(answer) for answer in answers} <= {"order", Unavailable}


# ---------------------------------------------------------------- time


async def test_what_is_due_ends_by_itself(running: Running, owner: Connection) -> None:
    order = make.sell(ALICE, 1_000, 50_000, time_in_force=TimeInForce.DAY)
    redemption = make.redeem(ALICE, OFFER, "ONE")
    [placed, reserved] = await running.submit(order, redemption)

    running.clock.now = NOON + timedelta(hours=12)

    async def ended() -> bool:
        return bool(await owner.fetchval("SELECT count(*) = 0 FROM balance WHERE held <> 0"))

    await eventually(ended)
    assert await owner.fetchval("SELECT status FROM orders WHERE id = $1", placed.data["id"]) == "EXPIRED"
    assert await owner.fetchval("SELECT status FROM redemption WHERE id = $1", reserved.data["id"]) == "EXPIRED"
    assert await owner.fetchval("SELECT kind FROM command ORDER BY sequence DESC LIMIT 1") == "EXPIRE_DUE"
    assert await available(owner, ALICE, SYMBOL) == (100_000, 0)


async def test_an_order_that_is_due_does_not_trade_with_the_first_that_comes(running: Running) -> None:
    expired = make.sell(ALICE, 1_000, 50_000, time_in_force=TimeInForce.GTD, expires_at=NOON + timedelta(minutes=1))
    await running.submit(expired)

    running.clock.now = NOON + timedelta(minutes=1)
    [taker, cancelled] = await running.submit(
        make.buy(BOB, 1_000, 50_000, time_in_force=TimeInForce.IOC), make.cancel(expired)
    )

    assert (taker.state.status, taker.state.reason) == (OrderStatus.CANCELLED, "IOC_REMAINDER")
    assert cancelled.kind == "ORDER_NOT_OPEN"


async def test_a_clock_that_is_set_back_changes_no_order(database: TestDatabase, owner: Connection) -> None:
    first, second = make.sell(ALICE, 1_000, 50_000), make.sell(CAROL, 1_000, 50_000)
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING, first)
        running.clock.now = NOON - timedelta(days=1)
        [behind] = await running.submit(second)
    async with ready_writer(database.app_url) as running:
        running.clock.now = NOON - timedelta(days=2)
        [taker] = await running.submit(make.buy(BOB, 1_000, 50_000))
        running.clock.now = NOON + timedelta(minutes=1)
        [later] = await running.submit(make.buy(BOB, 2_000, 50_000))

    assert behind.state.placed_at == taker.state.placed_at == NOON
    assert later.state.placed_at == NOON + timedelta(minutes=1)
    makers = await owner.fetch("SELECT o.owner FROM trade t JOIN orders o ON o.id = t.sell_order ORDER BY t.sequence")
    assert [row["owner"] for row in makers] == [ALICE, CAROL]
    times = [row["at"] for row in await owner.fetch("SELECT at FROM command ORDER BY sequence")]
    assert times == sorted(times)
    assert (await first_difference(database.app_url))[2] is None


# ---------------------------------------------------------------- the database's own guard


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET kind = 'GIFT'",
        "DELETE FROM journal",
        "UPDATE posting SET amount = amount * 2",
        "DELETE FROM posting",
        "TRUNCATE posting",
    ],
)
async def test_the_ledger_can_only_be_added_to(
    running: Running, owner: Connection, app: Connection, statement: str
) -> None:
    assert running.writer.is_ready
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await owner.execute(statement)


async def test_the_writers_session_ends_and_it_comes_back(running: Running, app: Connection) -> None:
    await end_writers_session(app)
    order: Any = make.sell(ALICE, 1_000, 50_000)

    async def answered() -> bool:
        [answer] = await running.outcome_of(order)
        return isinstance(answer, Answer) and answer.kind == "order"

    await eventually(answered)
