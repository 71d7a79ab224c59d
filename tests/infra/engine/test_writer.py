"""The commit loop on a real database: the pure engine's answers, each key once, COMMIT first, one bad apple."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.commands import Answer, Command
from domain.errors import Overloaded, Unavailable
from domain.orders.model import OrderStatus, TimeInForce
from domain.units import OUTSIDE_MAX
from infra.engine.audit import audit
from infra.engine.recovery import CorruptLedger, recover
from infra.engine.replay import first_difference
from infra.postgres.connection import Connection
from infra.postgres.rows import order_of
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.exchange import picture, stored
from tests.domain.streams import Phase, RandomDay
from tests.factories import ALICE, BOB, CAROL, MONEY, NOON, POINTS, SYMBOL
from tests.infra.engine.running import (
    OFFER,
    OPENING,
    Running,
    counts,
    end_writers_session,
    eventually,
    ready_writer,
)
from tests.postgres_line import AtCommit, PostgresLine

REUSED = "IDEMPOTENCY_KEY_REUSED"


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


# ---------------------------------------------------------------- each key once


async def test_the_same_key_in_one_batch_is_one_order(
    running: Running, owner: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    order = make.sell(ALICE, 1_000, 50_000)

    first, second, third = await running.submit(order, order, order)

    assert first.state.status is OrderStatus.OPEN
    assert stored(first) == stored(second) == stored(third) == ("order", {"id": len(OPENING) + 1})
    assert (second.state, third.state) == (None, None)
    assert not troubles(caplog)
    assert await owner.fetchval("SELECT count(*) FROM orders") == 1
    assert await owner.fetchval("SELECT count(*) FROM command WHERE key = $1", order.key) == 1
    assert await available(owner, ALICE, SYMBOL) == (99_000, 1_000)


async def test_the_same_key_later_and_after_a_restart_gives_the_first_answer(
    database: TestDatabase, owner: Connection
) -> None:
    commands: list[Command] = [
        make.sell(ALICE, 1_000, 50_000),
        make.convert(BOB, 10_000),
        make.redeem(ALICE, OFFER, "ONE"),
        make.capture("ONE"),
        make.deposit(CAROL, 5),
        make.issue(CAROL, 5),
        make.create_offer(7),
    ]
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING)
        first = [stored(answer) for answer in await running.submit(*commands)]
        before = await counts(owner)
        assert [stored(answer) for answer in await running.submit(*commands)] == first

    async with ready_writer(database.app_url) as running:
        for command, answer in zip(commands, first, strict=True):
            [again] = await running.submit(command)
            assert stored(again) == answer
            assert again.state is None

    assert [kind for kind, _ in first] == [
        *("order", "conversion", "redemption", "redemption", "balance", "balance", "offer")
    ]
    assert await counts(owner) == before


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "later"])
async def test_another_request_under_the_same_key_is_refused_and_moves_nothing(
    running: Running, owner: Connection, together: bool
) -> None:
    order = make.sell(ALICE, 1_000, 50_000)
    others: list[Command] = [
        replace(order, price=50_001),
        replace(order, quantity=2_000),
        make.buy(ALICE, 1_000, 50_000, key=order.key),
        make.convert(ALICE, 10_000, key=order.key),
        make.redeem(ALICE, OFFER, key=order.key),
    ]
    if together:
        first, *answers = await running.submit(order, *others)
    else:
        [first] = await running.submit(order)
        answers = await running.submit(*others)

    assert first.kind == "order"
    assert [answer.kind for answer in answers] == [REUSED] * len(others)
    assert await owner.fetchval("SELECT count(*) FROM orders") == 1
    assert await owner.fetchval("SELECT max(sequence) FROM command") == len(OPENING) + 1
    assert await available(owner, ALICE, SYMBOL) == (99_000, 1_000)
    assert await available(owner, ALICE, POINTS) == (1_000, 0)


async def test_a_key_belongs_to_its_caller(running: Running) -> None:
    key = make.new_key()

    answers = await running.submit(make.sell(ALICE, 1_000, 50_000, key=key), make.sell(BOB, 2_000, 50_000, key=key))

    assert [answer.kind for answer in answers] == ["order", "order"]
    assert answers[0].data != answers[1].data


async def test_what_the_caller_did_not_choose_does_not_make_it_another_request(running: Running) -> None:
    first, again = make.redeem(ALICE, OFFER, "ONE", minutes=15), make.redeem(ALICE, OFFER, "TWO", minutes=20)

    [answer] = await running.submit(first)
    [repeated] = await running.submit(replace(again, key=first.key))

    assert stored(repeated) == stored(answer)


async def test_a_refusal_is_kept_for_ever(database: TestDatabase, owner: Connection) -> None:
    """Money that comes later does not change what was decided: a new wish takes a new key."""
    order = make.buy(ALICE, 100_000, 20_000_000)
    refused = ("INSUFFICIENT_BALANCE", {"asset": MONEY, "available": 1_000_000, "required": 2_005_000})
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING)
        [first] = await running.submit(order)
        await running.submit(make.deposit(ALICE, 5_000_000))
        [second] = await running.submit(order)
    async with ready_writer(database.app_url) as running:
        [third] = await running.submit(order)
        assert {**first.data, "message": ""} == {**refused[1], "message": ""}
        assert first.kind == refused[0]
        assert stored(first) == stored(second) == stored(third)
        assert await owner.fetchval("SELECT count(*) FROM orders") == 0

        [fresh] = await running.submit(replace(order, key=make.new_key()))
        assert fresh.kind == "order"


async def test_rules_that_are_their_own_key_repeat(running: Running, owner: Connection) -> None:
    order = make.sell(ALICE, 1_000, 50_000)
    week = make.close_period({ALICE: 20_000, BOB: None})

    answers = await running.submit(order, make.cancel(order), make.cancel(order), week, week)
    later = await running.submit(make.cancel(order), week)

    assert [answer.kind for answer in answers] == ["order", "order", "order", "period", "PERIOD_ALREADY_CLOSED"]
    assert [answer.kind for answer in later] == ["order", "PERIOD_ALREADY_CLOSED"]
    assert later[0].state.status is OrderStatus.CANCELLED
    assert await available(owner, ALICE, SYMBOL) == (150_000, 0)


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
    seen: list[tuple[int, int]] = []

    async def ring(batch: int) -> None:
        seen.append((batch, await owner.fetchval("SELECT max(sequence) FROM batch")))

    async with ready_writer(database.app_url, ring=ring, batch_size=4) as running:
        await running.submit(*OPENING)
        await running.submit(OPENING[0])

    assert seen == [(number, number) for number in range(1, len(seen) + 1)]
    assert len(seen) == await owner.fetchval("SELECT count(*) FROM batch") == -(-len(OPENING) // 4)


async def test_an_answer_does_not_wait_for_the_bell(running: Running) -> None:
    running.bell.muffled.clear()

    [answer] = await running.submit(make.sell(ALICE, 1_000, 50_000))

    assert answer.kind == "order"


# ---------------------------------------------------------------- one bad apple


BAD: dict[str, Command] = {
    "NUL in a text": make.create_offer(10, title="Cof\0fee"),
    "NUL in a code": make.redeem(CAROL, OFFER, "CO\0DE"),
    "NUL in a code to look up": make.capture("CO\0DE"),
    "a number that no bigint holds": make.cancel_redemption(CAROL, 2**63),
    "an owner that no bigint holds": make.deposit(2**63, 5),
    "a time beyond the calendar": make.redeem(CAROL, OFFER, "FAR", minutes=10**12),
    "a week that passes the cap": make.close_period({CAROL: 1, BOB: 1}, programme_code="HUGE"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_command_that_cannot_be_stored_is_answered_internal_and_the_others_go_on(
    running: Running, owner: Connection, database: TestDatabase, name: str
) -> None:
    await running.submit(make.create_programme("HUGE", weekly_allowance=OUTSIDE_MAX))
    before = await owner.fetchval("SELECT max(sequence) FROM command")
    sell, buy, late = make.sell(ALICE, 2_000, 50_000), make.buy(BOB, 1_000, 50_000), make.deposit(BOB, 7)

    answers = await running.submit(sell, BAD[name], buy, late)

    assert [answer.kind for answer in answers] == ["order", "INTERNAL", "order", "balance"]
    assert answers[2].state.status is OrderStatus.FILLED
    assert await owner.fetchval("SELECT max(sequence) FROM command") == before + 3
    assert await available(owner, CAROL, POINTS) == (1_000, 0)
    assert await available(owner, ALICE, SYMBOL) == (98_000, 1_000)
    [alone] = await running.submit(BAD[name])
    assert alone.kind == "INTERNAL"
    [after] = await running.submit(make.cancel(sell))
    assert after.state.status is OrderStatus.CANCELLED
    assert await all_green(database)
    assert (await first_difference(database.app_url))[2] is None


async def test_a_batch_that_postgres_refuses_is_tried_one_by_one(running: Running, owner: Connection) -> None:
    """A constraint that one row of the batch breaks."""
    await owner.execute("ALTER TABLE orders ADD CONSTRAINT no_bob CHECK (owner <> 1002)")

    answers = await running.submit(
        make.sell(ALICE, 1_000, 50_000), make.sell(BOB, 1_000, 50_000), make.sell(CAROL, 1_000, 50_000)
    )

    assert [answer.kind for answer in answers] == ["order", "INTERNAL", "order"]
    assert [answers[0].data, answers[2].data] == [{"id": len(OPENING) + 1}, {"id": len(OPENING) + 2}]
    assert await available(owner, BOB, SYMBOL) == (100_000, 0)


async def test_a_repeated_key_among_bad_ones_still_gets_its_answer(running: Running) -> None:
    order = make.sell(ALICE, 1_000, 50_000)

    answers = await running.submit(order, BAD["NUL in a text"], order)

    assert [answer.kind for answer in answers] == ["order", "INTERNAL", "order"]
    assert answers[0].data == answers[2].data


async def test_batches_taken_ahead_outlive_a_bad_one(database: TestDatabase) -> None:
    """While one is decided the next is read for; a fault in between loses and doubles nothing."""
    sells = [make.sell(ALICE, 1_000, 50_000 + number) for number in range(12)]
    commands = [*sells[:4], BAD["NUL in a text"], *sells[4:], BAD["a number that no bigint holds"], *sells]

    async with ready_writer(database.app_url, batch_size=3) as running:
        await running.submit(*OPENING)
        answers = await running.submit(*commands)

    numbers = [answer.data["id"] if answer.kind == "order" else answer.kind for answer in answers]
    assert numbers[4] == numbers[13] == "INTERNAL"
    assert numbers[:4] + numbers[5:13] == numbers[14:]
    assert len({*numbers}) == len(sells) + 1
    assert await all_green(database)


async def test_a_lost_connection_of_the_reads_loses_and_doubles_nothing(
    database: TestDatabase, app: Connection
) -> None:
    sells = [make.sell(ALICE, 1_000, 50_000 + number) for number in range(60)]
    async with ready_writer(database.app_url, batch_size=3) as running:
        await running.submit(*OPENING)
        waiting = asyncio.create_task(running.outcome_of(*sells))
        await running.submit(make.deposit(BOB, 7))
        await app.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'gramme-writer-reads'"
        )
        outcomes = await waiting
        await running.until_ready()
        again = await running.submit(*sells)

    assert all(isinstance(outcome, Answer | Unavailable) for outcome in outcomes)
    assert [answer.kind for answer in again] == ["order"] * len(sells)
    pairs = zip(outcomes, again, strict=True)
    assert all(stored(old) == stored(new) for old, new in pairs if isinstance(old, Answer))
    assert await app.fetchval("SELECT count(*) FROM orders") == len(sells)
    assert await all_green(database)


async def test_a_ledger_that_was_changed_meanwhile_ends_the_writer_and_nobody_waits(
    running: Running, owner: Connection
) -> None:
    """The bad command makes the writer read again what it wrote."""
    await running.submit(make.sell(ALICE, 1_000, 50_000))
    await owner.execute("UPDATE orders SET remaining = remaining - 500")

    answers = await asyncio.wait_for(
        running.outcome_of(make.deposit(BOB, 7), BAD["NUL in a text"], make.deposit(BOB, 8)), 2
    )

    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert isinstance(running.writer.failure, CorruptLedger)
    assert await owner.fetchval("SELECT max(sequence) FROM command") == len(OPENING) + 1


async def test_what_cannot_be_written_down_at_all_never_reaches_the_writer(running: Running) -> None:
    with pytest.raises(TypeError):
        await running.submit(make.create_offer(10, title="\ud800"))

    [answer] = await running.submit(make.sell(ALICE, 1_000, 50_000))
    assert answer.kind == "order"


# ---------------------------------------------------------------- too much, too early


async def test_a_full_queue_is_overloaded_and_nothing_is_kept(database: TestDatabase, owner: Connection) -> None:
    async with ready_writer(database.app_url, size=20) as running:
        await running.submit(*OPENING)
        running.bell.muffled.clear()
        await running.submit(make.deposit(ALICE, 1))
        decided = asyncio.create_task(running.queue.submit(make.deposit(ALICE, 1)))
        await asyncio.sleep(0.1)
        waiting = [asyncio.create_task(running.queue.submit(make.deposit(ALICE, 1))) for _ in range(20)]
        await asyncio.sleep(0)
        refused = make.sell(ALICE, 1_000, 50_000)

        with pytest.raises(Overloaded):
            await running.submit(refused)

        running.bell.muffled.set()
        assert [answer.kind for answer in await asyncio.gather(decided, *waiting)] == ["balance"] * 21
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
