"""After a restart or a cut: the same state, nothing acknowledged lost or doubled, no trust in what was changed."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from domain.commands import Answer, Command, PlaceOrder
from domain.errors import Unavailable
from domain.orders.model import OrderStatus, TimeInForce
from infra.engine.audit import audit
from infra.engine.recovery import CorruptLedger, recover
from infra.engine.replay import first_difference
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.exchange import Exchange, picture
from tests.factories import ALICE, BOB, BUY, CAROL, NOON, SELL, SHOP, SYMBOL
from tests.infra.engine.running import (
    OFFER,
    OPENING,
    Running,
    end_writers_session,
    eventually,
    ready_writer,
    started_writer,
)

PEOPLE = (ALICE, BOB, CAROL)


async def test_an_empty_database_recovers_to_nothing(owner: Connection) -> None:
    recovered = await recover(owner)

    assert (recovered.state.command_sequence, recovered.state.entry_sequence, recovered.batch_sequence) == (0, 0, 0)
    assert recovered.state.digest() == bytes(16)
    assert recovered.chain == bytes(32)


async def test_what_is_recovered_is_what_the_pure_engine_has(running: Running, owner: Connection) -> None:
    commands: list[Command] = [
        make.sell(ALICE, 4_000, 50_000),
        make.sell(CAROL, 1_000, 50_000, time_in_force=TimeInForce.DAY),
        make.buy(BOB, 2_000, 50_000),
        make.buy(BOB, 3_000, 40_000, time_in_force=TimeInForce.GTD, expires_at=NOON + timedelta(days=3)),
        make.redeem(ALICE, OFFER, "ONE"),
        make.redeem(BOB, OFFER, "TWO"),
        make.capture("TWO"),
        make.close_period({ALICE: 20_000}),
    ]
    await running.submit(*commands)
    pure = Exchange()
    pure.apply_all([*OPENING, *commands])

    state = (await recover(owner)).state

    expected, found = picture(pure.state), picture(state)
    for part in ("entry", "assets", "markets", "programmes", "closed", "offers", "orders", "redemptions"):
        assert found[part] == expected[part], part
    assert state.command_sequence == pure.state.command_sequence
    assert found["balances"].items() <= expected["balances"].items()
    assert {owner for owner, _ in found["balances"]} >= {1, 2, 6, ALICE, BOB, CAROL}
    assert [state.is_due(NOON + timedelta(hours=hours)) for hours in (0, 12)] == [False, True]


async def test_a_new_writer_goes_on_where_the_old_one_ended(database: TestDatabase, owner: Connection) -> None:
    resting = make.sell(ALICE, 4_000, 50_000)
    cancelled = make.sell(CAROL, 1_000, 60_000)
    killed = make.buy(BOB, 9_000, 50_000, time_in_force=TimeInForce.FOK)
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING, resting, cancelled, make.cancel(cancelled), killed)
        await running.submit(make.redeem(ALICE, OFFER, "ONE"), make.redeem(BOB, OFFER, "TWO"), make.capture("TWO"))

    async with ready_writer(database.app_url) as running:
        answers = await running.submit(
            make.buy(BOB, 1_000, 50_000),
            make.cancel(cancelled),
            make.cancel(killed),
            make.capture("TWO", till="till 2"),
            make.capture("ONE", partner=ALICE),
            make.capture("ONE"),
            make.cancel(resting),
        )

    assert [answer.kind for answer in answers] == [
        *("order", "order", "ORDER_NOT_OPEN", "REDEMPTION_NOT_OPEN", "NOT_FOUND", "redemption", "order")
    ]
    assert answers[0].state.status is OrderStatus.FILLED
    assert answers[1].state.reason == "CANCELLED_BY_OWNER"
    assert answers[6].state.filled == 1_000
    rows = await owner.fetch("SELECT sequence, previous_sequence FROM book_change ORDER BY sequence")
    assert [row["previous_sequence"] for row in rows] == [0, *(row["sequence"] for row in rows)][:-1]
    assert await owner.fetchval("SELECT sum(available) FROM balance WHERE owner = $1", SHOP) == 200
    assert all(check.ok for check in await audit(database.app_url))


# ---------------------------------------------------------------- a cut under load


async def insist(running: Running, command: Command) -> Answer:
    """As a phone does: the same request with the same key, until there is an answer."""
    while True:
        try:
            return await running.queue.submit(command)
        except Unavailable:
            await asyncio.sleep(0.02)


async def test_no_acknowledged_order_is_lost_or_doubled_when_the_connection_is_cut(
    database: TestDatabase, owner: Connection, app: Connection, seed: int
) -> None:
    dice = random.Random(seed)
    acknowledged: list[tuple[PlaceOrder, Answer]] = []
    cuts = {answered + dice.randrange(60): asyncio.Event() for answered in (40, 140, 240, 340)}

    async def phone(running: Running, who: int) -> None:
        for _ in range(40):
            order = make.place(who, dice.choice([BUY, SELL]), 1_000, 50_000 + 10 * dice.randrange(5))
            acknowledged.append((order, await insist(running, order)))
            if len(acknowledged) in cuts:
                cuts[len(acknowledged)].set()

    async with ready_writer(database.app_url, batch_size=8) as running:
        await running.submit(*OPENING)
        phones = [asyncio.create_task(phone(running, who)) for who in PEOPLE for _ in range(4)]
        for cut in cuts.values():
            await cut.wait()
            await running.until_ready()
            await end_writers_session(app)
        await asyncio.gather(*phones)
        again = await running.submit(*(order for order, _ in acknowledged))

    assert len(acknowledged) == 480
    assert Counter(answer.kind for _, answer in acknowledged) == {"order": 480}
    assert [answer.data for answer in again] == [answer.data for _, answer in acknowledged]
    ids = [answer.data["id"] for _, answer in acknowledged]
    assert len(set(ids)) == 480
    rows = await owner.fetch("SELECT id, owner, client_order_id FROM orders")
    assert {row["id"]: (row["owner"], row["client_order_id"]) for row in rows} == {
        answer.data["id"]: (order.caller, order.key) for order, answer in acknowledged
    }
    assert await owner.fetchval("SELECT count(*) FROM command") == len(OPENING) + 480
    assert await owner.fetchval("SELECT epoch FROM lease") >= 2
    assert [check for check in await audit(database.app_url) if not check.ok] == []
    assert (await first_difference(database.app_url))[2] is None


async def test_a_cut_while_idle_heals_by_itself(running: Running, app: Connection, owner: Connection) -> None:
    await end_writers_session(app)

    async def elected_again() -> bool:
        return bool(await owner.fetchval("SELECT epoch = 2 FROM lease"))

    await eventually(elected_again)
    await running.until_ready()
    [answer] = await running.submit(make.sell(ALICE, 1_000, 50_000))
    assert answer.data == {"id": len(OPENING) + 1}


# ---------------------------------------------------------------- what was changed behind its back


TAMPERED = {
    "an order that is smaller": "UPDATE orders SET remaining = remaining - 1000 WHERE status = 'OPEN'",
    "an order that is gone": "DELETE FROM orders WHERE status = 'OPEN'",
    "an order that was ended": "UPDATE orders SET status = 'CANCELLED' WHERE status = 'OPEN'",
    "an order that stands again": "UPDATE orders SET status = 'OPEN', remaining = 1000 WHERE status = 'FILLED'",
    "another digest": "UPDATE batch SET book_digest = '\\x00' WHERE sequence = (SELECT max(sequence) FROM batch)",
    "a command too many": """INSERT INTO command SELECT sequence + 1, caller, NULL, kind, payload, payload_hash,
                               answer_kind, answer, at FROM command ORDER BY sequence DESC LIMIT 1""",
    "a batch that is gone": "DELETE FROM batch WHERE sequence = (SELECT max(sequence) FROM batch)",
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_writer_does_not_start_on_what_it_did_not_write(
    database: TestDatabase, owner: Connection, name: str
) -> None:
    async with ready_writer(database.app_url) as running:
        await running.submit(*OPENING, make.sell(ALICE, 4_000, 50_000))
        await running.submit(make.sell(BOB, 1_000, 40_000), make.buy(CAROL, 1_000, 40_000))
        await running.submit(make.sell(BOB, 1_000, 60_000))
    await owner.execute(TAMPERED[name])

    with pytest.raises(CorruptLedger):
        await recover(owner)
    async with started_writer(database.app_url) as running:
        await asyncio.wait_for(running.task, 10)
        assert isinstance(running.writer.failure, CorruptLedger)
        assert running.writer.is_ready is False
        with pytest.raises(Unavailable):
            await running.submit(make.sell(ALICE, 1_000, 50_000))
    assert (
        await owner.fetchval("SELECT sum(held) FROM balance JOIN asset ON id = asset WHERE code = $1", SYMBOL) == 5_000
    )


async def test_a_wallet_is_loaded_when_it_is_first_touched(running: Running, owner: Connection) -> None:
    """Wallets of people with nothing open are loaded on first touch, with the number of their last event."""
    await running.submit(make.convert(CAROL, 1_000))
    before = await owner.fetchval("SELECT max(last_sequence) FROM account_event WHERE owner = $1", CAROL)
    state = (await recover(owner)).state
    assert CAROL not in state.wallets

    [answer] = await running.submit(make.convert(CAROL, 2_000))

    assert answer.state[1].available == 1_000 + 15 + 30
    first = await owner.fetchval("SELECT max(first_sequence) FROM account_event WHERE owner = $1", CAROL)
    assert first == before + 1
