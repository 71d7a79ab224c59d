"""Each key is one request, in one batch, later and after a restart."""

from dataclasses import replace

import pytest

from domain.commands import Command
from domain.orders.model import OrderStatus
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.exchange import stored
from tests.factories import ALICE, BOB, CAROL, MONEY, POINTS, SYMBOL
from tests.infra.engine.running import (
    OFFER,
    OPENING,
    Running,
    available,
    counts,
    ready_writer,
    troubles,
)

REUSED = "IDEMPOTENCY_KEY_REUSED"


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
