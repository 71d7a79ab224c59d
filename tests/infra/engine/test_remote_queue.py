"""The way to a writer in another process: same answers, same refusals, and nothing from whom the secret is unknown."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.commands import Answer, Command
from domain.errors import DomainError, Internal, Overloaded, Unavailable
from domain.ledger.model import Balance
from domain.orders.model import Instrument, Order
from infra.engine import channel, command_server, remote_queue
from infra.engine.channel import Channel, End
from infra.engine.command_server import CommandServer
from infra.engine.queue import LocalQueue, Pending
from infra.engine.remote_queue import RemoteQueue
from tests import factories as make
from tests.infra.engine.running import OPENING, Running, eventually
from tests.infra.engine.test_states import MARKET, MONEY, ORDER

SECRET = b"s" * 32
WAIT_SECONDS = 10


@dataclass
class Engine:
    """A door with a queue behind it; what comes in is answered by the test."""

    queue: LocalQueue
    server: CommandServer
    address: str
    closed: bool = False

    async def take(self, count: int) -> list[Pending]:
        """The next `count` commands, as soon as they are there."""
        taken: list[Pending] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while len(taken) < count:
                await self.queue.wait(1)
                taken += self.queue.take(count - len(taken))
        return taken


@dataclass
class World:
    """Where the lease says that the engine is, and the API processes that look there."""

    address: str = ""
    instruments: Sequence[Instrument] = (MARKET,)
    engines: list[Engine] = field(default_factory=list)

    async def leased(self) -> str:
        return self.address

    async def known(self) -> Iterable[Instrument]:
        return self.instruments

    async def engine(self, size: int = 100, secret: bytes = SECRET) -> Engine:
        """One that is ready and holds the lease."""
        listener = socket.create_server(("127.0.0.1", 0))
        queue = LocalQueue(size)
        queue.open()
        server = CommandServer(queue, secret)
        await server.start(listener)
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.engines.append(Engine(queue, server, self.address))
        return self.engines[-1]

    @asynccontextmanager
    async def api(
        self, size: int = 100, secret: bytes = SECRET, *, connected: bool = True
    ) -> AsyncIterator[RemoteQueue]:
        queue = RemoteQueue(self.leased, self.known, secret, size=size)
        await queue.start()
        try:
            if connected:
                await until(queue, True)
            yield queue
        finally:
            await queue.close()


async def until(queue: RemoteQueue, is_open: bool) -> None:
    async def holds() -> bool:
        return queue.is_open is is_open

    await eventually(holds)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    for engine in world.engines:
        await engine.server.close()


def asked(queue: RemoteQueue, *commands: Command) -> list["asyncio.Task[Answer]"]:
    return [asyncio.create_task(queue.submit(command)) for command in commands]


async def test_a_command_arrives_as_it_was_sent_and_its_answer_comes_back(world: World) -> None:
    engine = await world.engine()
    command = make.sell(make.ALICE, 1_000, 50_000)
    async with world.api() as api:
        [task] = asked(api, command)
        [pending] = await engine.take(1)
        assert api.waiting == 1
        pending.resolve(Answer("order", {"id": 42}, ORDER))
        answer = await task

    assert pending.command == command
    assert type(pending.command.side) is type(command.side)  # type: ignore[attr-defined]
    local = LocalQueue(1)
    local.open()
    in_process = asyncio.create_task(local.submit(command))
    await asyncio.sleep(0)
    [same] = local.take(1)
    in_process.cancel()
    assert (pending.payload, pending.payload_hash) == (same.payload, same.payload_hash)
    assert answer == Answer("order", {"id": 42}, ORDER)
    assert api.waiting == 0


async def test_answers_find_who_asked_in_whatever_order_they_come(world: World) -> None:
    engine = await world.engine()
    async with world.api() as api:
        tasks = asked(api, *(make.deposit(make.ALICE, number) for number in range(1, 51)))
        taken = await engine.take(50)
        assert [pending.command.amount for pending in taken] == list(range(1, 51))  # type: ignore[attr-defined]
        for pending in reversed(taken):
            amount = pending.command.amount  # type: ignore[attr-defined]
            pending.resolve(Answer("balance", {"owner": make.ALICE}, Balance(MONEY, amount, 0)))
        answers = await asyncio.gather(*tasks)

    assert [answer.state.available for answer in answers] == list(range(1, 51))


async def test_two_api_processes_share_an_engine(world: World) -> None:
    engine = await world.engine()
    async with world.api() as first, world.api() as second:
        [ours], [theirs] = asked(first, make.deposit(1_001, 1)), asked(second, make.deposit(1_002, 2))
        for pending in await engine.take(2):
            pending.resolve(Answer("balance", {"owner": pending.command.owner}))  # type: ignore[attr-defined]

        assert (await ours).data == {"owner": 1_001}
        assert (await theirs).data == {"owner": 1_002}
        assert engine.server.connections == 2


async def test_a_refusal_of_a_rule_is_an_answer(world: World) -> None:
    engine = await world.engine()
    async with world.api() as api:
        [task] = asked(api, make.deposit(make.ALICE, 1))
        [pending] = await engine.take(1)
        pending.resolve(Answer("NOT_FOUND", {"message": "No."}))

        assert await task == Answer("NOT_FOUND", {"message": "No."})


async def test_a_full_queue_refuses_at_once_here_and_there(world: World) -> None:
    engine = await world.engine(size=2)
    async with world.api(size=3) as api:
        tasks = asked(api, *(make.deposit(make.ALICE, 1) for _ in range(3)))
        with pytest.raises(Overloaded):
            await tasks[2]
        more = asked(api, make.deposit(make.ALICE, 1))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await api.submit(make.deposit(make.ALICE, 1))
        with pytest.raises(Overloaded):
            await more[0]
        for pending in await engine.take(2):
            pending.resolve(Answer("balance", {}))
        assert await asyncio.gather(*tasks[:2]) == [Answer("balance", {})] * 2


async def test_what_the_writer_could_not_decide_is_raised(world: World) -> None:
    engine = await world.engine()
    async with world.api() as api:
        tasks = asked(api, *(make.deposit(make.ALICE, 1) for _ in range(2)))
        first, second = await engine.take(2)
        first.fail(Unavailable())
        second.fail(RuntimeError("anything else"))
        done = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(error) for error in done] == [Unavailable, Internal]


async def test_the_api_is_open_only_while_the_engine_is_ready(world: World) -> None:
    engine = await world.engine()
    async with world.api() as api:
        engine.queue.close()
        await until(api, False)
        with pytest.raises(Unavailable):
            await api.submit(make.deposit(make.ALICE, 1))
        engine.queue.open()
        await until(api, True)


async def test_without_an_engine_nothing_is_taken(world: World) -> None:
    async with world.api(connected=False) as api:
        await asyncio.sleep(0.1)
        assert (api.is_open, api.waiting) == (False, 0)
        with pytest.raises(Unavailable):
            await api.submit(make.deposit(make.ALICE, 1))


async def test_what_was_on_the_way_when_the_line_broke_is_unknown(world: World) -> None:
    engine = await world.engine()
    async with world.api() as api:
        tasks = asked(api, *(make.deposit(make.ALICE, 1) for _ in range(3)))
        await engine.take(1)
        await engine.server.close()

        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WAIT_SECONDS)

        assert [type(error) for error in done] == [Unavailable] * 3
        assert (api.is_open, api.waiting) == (False, 0)


async def test_the_api_follows_the_lease_to_another_engine(world: World) -> None:
    first = await world.engine()
    async with world.api() as api:
        second = await world.engine()
        assert api.is_open  # The first is still ready, so nobody looks for another.
        first.queue.close()
        await until(api, False)
        await until(api, True)
        [task] = asked(api, make.deposit(make.ALICE, 1))
        [pending] = await second.take(1)
        pending.resolve(Answer("balance", {}))

        assert await task == Answer("balance", {})
        assert first.queue.waiting == 0


async def test_a_silent_engine_is_taken_for_dead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_server, "STATUS_SECONDS", 60)
    monkeypatch.setattr(remote_queue, "SILENCE_SECONDS", 0.5)
    engine = await world.engine()
    async with world.api() as api:
        [task] = asked(api, make.deposit(make.ALICE, 1))
        await engine.take(1)

        with pytest.raises(Unavailable):
            await asyncio.wait_for(task, WAIT_SECONDS)


async def test_who_waits_too_long_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_queue, "ANSWER_SECONDS", 0.2)
    engine = await world.engine()
    async with world.api() as api:
        [task] = asked(api, make.deposit(make.ALICE, 1))
        [pending] = await engine.take(1)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(task, WAIT_SECONDS)
        pending.resolve(Answer("balance", {}))
        [later] = asked(api, make.deposit(make.ALICE, 2))
        [pending] = await engine.take(1)
        pending.resolve(Answer("balance", {"owner": 2}))

        assert (await later).data == {"owner": 2}


async def test_an_order_of_an_unknown_market_comes_without_its_state_and_the_next_with_it(world: World) -> None:
    world.instruments = ()
    engine = await world.engine()
    async with world.api() as api:
        world.instruments = (MARKET,)
        states = []
        for _ in range(2):
            [task] = asked(api, make.sell(make.ALICE, 1_000, 50_000))
            [pending] = await engine.take(1)
            pending.resolve(Answer("order", {"id": 42}, ORDER))
            states.append((await task).state)
            await asyncio.sleep(0.6)

    assert states == [None, ORDER]


async def test_a_kind_that_this_engine_does_not_know_is_not_its_end(world: World) -> None:
    class Tomorrow(type(make.deposit(1, 1))):  # type: ignore[misc]
        kind = "OF_TOMORROW"

    engine = await world.engine()
    known = make.deposit(make.ALICE, 1)
    async with world.api() as api:
        fields = {"caller": 1, "key": make.new_key(), "owner": 1, "currency": "GBP", "amount": 1}
        with pytest.raises(Internal):
            await api.submit(Tomorrow(**fields))
        [task] = asked(api, known)
        [pending] = await engine.take(1)
        pending.resolve(Answer("balance", {}))
        assert await task == Answer("balance", {})


# ---------------------------------------------------------------- who may speak


async def test_another_secret_is_not_let_in(world: World, caplog: pytest.LogCaptureFixture) -> None:
    engine = await world.engine()
    async with world.api(secret=b"t" * 32, connected=False) as api:
        await asyncio.sleep(0.6)
        assert api.is_open is False
        assert engine.server.connections == 0
    told = [record.getMessage() for record in caplog.records if "GRAMME_ENGINE_SECRET" in record.getMessage()]
    assert len(told) == 1, "once, and not at each try"


class Stranger(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard = b""
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, error: Exception | None) -> None:
        self.gone.set()

    def send(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(data)


async def stranger(engine: Engine) -> Stranger:
    host, _, port = engine.address.partition(":")
    _, protocol = await asyncio.get_running_loop().create_connection(Stranger, host, int(port))
    return protocol


@pytest.mark.parametrize(
    "words",
    [
        b"GET / HTTP/1.1\r\nhost: gramme.example\r\n\r\n",
        channel.MAGIC + bytes(channel.NONCE_BYTES) + bytes(channel.PROOF_BYTES),
        bytes(1_000_000),
    ],
    ids=["browser", "no proof", "zeros"],
)
async def test_strangers_are_hung_up_on_and_told_nothing(world: World, words: bytes) -> None:
    engine = await world.engine()
    other = await stranger(engine)

    other.send(words)

    await asyncio.wait_for(other.gone.wait(), WAIT_SECONDS)
    assert len(other.heard) <= channel.HELLO_BYTES
    assert engine.queue.waiting == 0


async def test_who_says_nothing_is_hung_up_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_server, "PROOF_SECONDS", 0.1)
    engine = await world.engine()
    other = await stranger(engine)

    await asyncio.wait_for(other.gone.wait(), WAIT_SECONDS)


async def test_there_is_a_bound_on_connections(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_server, "CONNECTIONS_MAX", 2)
    engine = await world.engine()
    async with world.api():
        first = await stranger(engine)
        second = await stranger(engine)
        await asyncio.wait_for(second.gone.wait(), WAIT_SECONDS)
        assert not first.gone.is_set()


class Recorder(Channel):
    """An API's end that keeps what it would write."""

    def __init__(self) -> None:
        super().__init__(End.API, SECRET)
        self.is_gone = asyncio.Event()
        self.is_let_in = asyncio.Event()

    def opened(self) -> None:
        self.is_let_in.set()

    def received(self, values: list[Any]) -> None:
        pass

    def lost(self) -> None:
        self.is_gone.set()

    def frame(self, values: list[Any]) -> bytes:
        """The next frame, not sent."""
        text = channel.plain(values)
        mark = self._mark(End.API, self._sent, text)
        return len(text).to_bytes(4, "big") + mark + text

    def write(self, data: bytes) -> None:
        self._write(data)


DEPOSIT = [1, "DEPOSIT", 1, None, '{"owner":1001,"currency":"GBP","amount":1}', "00" * 16]


async def recorder(engine: Engine) -> Recorder:
    host, _, port = engine.address.partition(":")
    _, protocol = await asyncio.get_running_loop().create_connection(Recorder, host, int(port))
    await asyncio.wait_for(protocol.is_let_in.wait(), WAIT_SECONDS)
    return protocol


async def test_a_frame_arrives_whole_however_it_is_cut(world: World) -> None:
    engine = await world.engine()
    line = await recorder(engine)

    for byte in line.frame([DEPOSIT]):
        line.write(bytes([byte]))
        await asyncio.sleep(0)

    [pending] = await engine.take(1)
    assert pending.command.amount == 1  # type: ignore[attr-defined]
    line.hang_up()


async def test_a_frame_that_was_changed_ends_the_connection(world: World) -> None:
    engine = await world.engine()
    line = await recorder(engine)

    line.write(line.frame([DEPOSIT]).replace(b'"amount\\":1', b'"amount\\":9'))

    await asyncio.wait_for(line.is_gone.wait(), WAIT_SECONDS)
    assert engine.queue.waiting == 0


async def test_a_frame_that_is_sent_twice_is_taken_once(world: World) -> None:
    engine = await world.engine()
    line = await recorder(engine)
    frame = line.frame([DEPOSIT])

    line.write(frame + frame)

    await asyncio.wait_for(line.is_gone.wait(), WAIT_SECONDS)
    assert engine.queue.waiting == 1


async def test_a_frame_beyond_all_bounds_is_not_waited_for(world: World) -> None:
    engine = await world.engine()
    line = await recorder(engine)

    line.write((channel.FRAME_BYTES_MAX + 1).to_bytes(4, "big") + bytes(channel.MARK_BYTES))

    await asyncio.wait_for(line.is_gone.wait(), WAIT_SECONDS)


# ---------------------------------------------------------------- with a real writer


async def test_a_real_writer_answers_through_it_as_it_does_in_process(world: World, running: Running) -> None:
    server = CommandServer(running.queue, SECRET)
    listener = socket.create_server(("127.0.0.1", 0))
    await server.start(listener)
    world.address = f"127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with world.api() as api:
            order = make.sell(make.ALICE, 2_000, 50_000)
            first = await api.submit(order)
            again = await api.submit(order)
            other = await api.submit(make.sell(make.ALICE, 1_000, 50_000, key=order.key))
            poor = await api.submit(make.sell(make.ALICE, 99_000_000, 50_000))
            bought = await api.submit(make.buy(make.BOB, 1_000, 50_000))
    finally:
        await server.close()

    assert first.kind == "order"
    assert again == Answer(first.kind, first.data)
    assert other.kind == "IDEMPOTENCY_KEY_REUSED"
    assert isinstance(DomainError.from_data(poor.kind, poor.data), DomainError)
    assert bought.data == {"id": len(OPENING) + 3}


async def test_an_order_has_its_state_as_the_command_left_it(world: World, running: Running) -> None:
    server = CommandServer(running.queue, SECRET)
    listener = socket.create_server(("127.0.0.1", 0))
    await server.start(listener)
    world.address = f"127.0.0.1:{listener.getsockname()[1]}"
    [far] = await running.submit(make.sell(make.ALICE, 2_000, 60_000))
    world.instruments = (far.state.instrument,)
    try:
        async with world.api() as api:
            await asyncio.sleep(0.1)
            answer = await api.submit(make.buy(make.BOB, 1_000, 60_000))
    finally:
        await server.close()

    assert isinstance(answer.state, Order)
    assert (answer.state.status, answer.state.remaining, answer.state.average_price) == ("FILLED", 0, 60_000)
    assert answer.state.instrument is far.state.instrument
