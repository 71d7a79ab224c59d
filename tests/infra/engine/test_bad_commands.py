"""What cannot be stored, and connections that are lost: the culprit alone is answered INTERNAL, the others go on."""

import asyncio

import pytest

from domain.commands import Answer, Command
from domain.errors import Unavailable
from domain.orders.model import OrderStatus
from domain.units import OUTSIDE_MAX
from infra.engine.recovery import CorruptLedger
from infra.engine.replay import first_difference
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.exchange import stored
from tests.factories import ALICE, BOB, CAROL, POINTS, SYMBOL
from tests.infra.engine.running import (
    OFFER,
    OPENING,
    Running,
    all_green,
    available,
    ready_writer,
)

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
