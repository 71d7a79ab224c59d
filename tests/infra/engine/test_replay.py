"""The command log from zero: no difference, or the first one by name."""

import pytest

from infra.engine.replay import first_difference
from infra.postgres.connection import Connection
from tests import factories as make
from tests.conftest import TestDatabase
from tests.domain.streams import RandomDay
from tests.factories import ALICE, BOB
from tests.infra.engine.running import OPENING, Running, ready_writer


async def test_nothing_replays_to_nothing(database: TestDatabase) -> None:
    assert await first_difference(database.app_url) == (0, bytes(16), None)


async def test_a_random_day_replays_without_a_difference(database: TestDatabase, seed: int) -> None:
    day = RandomDay(seed)
    async with ready_writer(database.app_url) as running:
        for phase in day.phases(count=5, length=60):
            running.clock.now = phase.now
            await running.submit(*phase.commands)

    state = day.exchange.state
    assert await first_difference(database.app_url) == (state.command_sequence, state.digest(), None)


TRADED = len(OPENING) + 2
TAMPERED = {
    "price": ("UPDATE trade SET price = price + 1", f"command {TRADED} made other trades"),
    "quantity": ("UPDATE trade SET quantity = quantity + 1000", f"command {TRADED} made other trades"),
    "fee": ("UPDATE trade SET buyer_fee = buyer_fee + 1", f"command {TRADED} made other trades"),
    "parties": ("UPDATE trade SET buy_order = sell_order", f"command {TRADED} made other trades"),
    "trade gone": ("DELETE FROM trade", f"command {TRADED} made other trades"),
    "trade of another command": ("UPDATE trade SET command = command + 1", f"command {TRADED} made other trades"),
    "trade too many": (
        """INSERT INTO trade SELECT instrument, sequence + 1, price, quantity, value, buy_order, sell_order, buyer_fee,
             seller_fee, aggressor, command + 1, at FROM trade""",
        "more trades are stored than the commands make",
    ),
    "limit of the order": (
        f"UPDATE command SET payload = replace(payload, '50000', '49000') WHERE sequence = {TRADED}",
        "more trades are stored than the commands make",
    ),
    "answer": (
        f"UPDATE command SET answer_kind = 'NOT_FOUND' WHERE sequence = {TRADED}",
        f"command {TRADED} was answered NOT_FOUND, now order",
    ),
    "funds": (
        """UPDATE command SET payload = replace(payload, '1000000', '10') WHERE kind = 'DEPOSIT'""",
        f"command {TRADED} was answered order, now INSUFFICIENT_BALANCE",
    ),
    "quantity of what rests": (
        f"""UPDATE command SET payload = replace(payload, '"quantity":4000', '"quantity":5000')
             WHERE sequence = {TRADED - 1}""",
        "the open orders differ at the end",
    ),
    "balance": (
        f"UPDATE balance SET available = available + 1 WHERE owner = {BOB} AND asset = 1",
        f"owner {BOB} has another balance of asset 1 at the end",
    ),
    "balance gone": (
        f"DELETE FROM balance WHERE owner = {BOB} AND asset = 1",
        "balances are missing at the end",
    ),
    "digest": ("UPDATE batch SET book_digest = '\\x00'", "the open orders differ at the end"),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_what_was_changed_is_the_first_difference(
    database: TestDatabase, running: Running, owner: Connection, name: str
) -> None:
    await running.submit(make.sell(ALICE, 4_000, 50_000), make.buy(BOB, 1_000, 50_000), make.deposit(BOB, 5))
    assert (await first_difference(database.app_url))[2] is None
    statement, expected = TAMPERED[name]

    assert await owner.execute(statement) not in ("UPDATE 0", "DELETE 0", "INSERT 0 0")

    assert (await first_difference(database.app_url))[2] == expected


async def test_the_writer_goes_on_while_and_after_it_is_replayed(database: TestDatabase, running: Running) -> None:
    await running.submit(make.sell(ALICE, 4_000, 50_000))

    for _ in range(2):
        commands, _, difference = await first_difference(database.app_url)
        assert (commands, difference) == (len(OPENING) + 1, None)
    [answer] = await running.submit(make.sell(ALICE, 4_000, 50_000))
    assert answer.data == {"id": len(OPENING) + 2}


async def test_progress_is_told_up_to_the_last_command(
    database: TestDatabase, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.engine.replay.FETCH", 4)
    heard: list[tuple[int, int]] = []

    await first_difference(database.app_url, lambda done, total: heard.append((done, total)))

    count = len(OPENING)
    assert heard == [(done, count) for done in (*range(4, count, 4), count)]
