"""The way to a writer in another process: one connection, many commands to a frame, answers as they commit.

Where the engine listens stands in the lease row, so that a connection follows the lease to whoever holds it. Lost is
what was on the way: its outcome is unknown until the client asks again with the same key.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from domain.commands import Answer, Command
from domain.errors import DomainError, Overloaded, Unavailable
from domain.orders.model import Instrument
from infra.engine.channel import Channel, End
from infra.engine.command_server import STATUS
from infra.engine.journal import stored_form
from infra.engine.queue import ANSWER_SECONDS
from infra.engine.states import Instruments, state_of
from infra.postgres.connection import is_unavailable
from infra.tasks import end_task

log = logging.getLogger(__name__)

CONNECT_SECONDS = 1.0
SILENCE_SECONDS = 4.0
LOOK_SECONDS = 0.25


class RemoteQueue:
    """Implements `domain.ports.CommandQueue` for a writer in another process.

    `engine_address` says host and port of the engine, or nothing while there is none; `instruments` reads all of them.
    """

    def __init__(
        self,
        engine_address: Callable[[], Awaitable[str]],
        instruments: Callable[[], Awaitable[Iterable[Instrument]]],
        secret: bytes,
        *,
        size: int,
    ) -> None:
        self._engine_address = engine_address
        self._read_instruments = instruments
        self._secret = secret
        self._size = size
        self._engine: _Engine | None = None
        self._instruments: Instruments = {}
        self._is_stale = asyncio.Event()
        self._trouble = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to look for the engine; returns at once."""
        self._is_stale.set()
        self._tasks = [
            asyncio.create_task(self._keep_connected(), name="engine-connection"),
            asyncio.create_task(self._keep_instruments(), name="engine-instruments"),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            await end_task(task)
        if self._engine is not None:
            self._engine.hang_up()

    @property
    def is_open(self) -> bool:
        """True while an engine that is ready listens at the other end."""
        return self._engine is not None and self._engine.is_ready

    @property
    def waiting(self) -> int:
        return len(self._engine.waiting) if self._engine is not None else 0

    async def submit(self, command: Command) -> Answer:
        """Raises Unavailable at once while no engine is ready, and where the connection is lost before the answer."""
        engine = self._engine
        if engine is None or not engine.is_ready:
            raise Unavailable()
        if len(engine.waiting) >= self._size:
            raise Overloaded()
        kind, data, state = await engine.ask(command)
        if kind is None:
            raise DomainError.from_data(data, {})
        try:
            return Answer(kind, data, state_of(state, self._instruments))
        except LookupError:
            self._is_stale.set()
        except (TypeError, ValueError):
            log.exception("The state of a %s cannot be read; it is looked up instead.", kind)
        return Answer(kind, data)

    # ------------------------------------------------------------ the connection

    async def _keep_connected(self) -> None:
        while True:
            try:
                address = await self._engine_address()
                if address:
                    await self._use(address)
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("The engine cannot be reached; trying again.")
                elif str(error) != self._trouble:
                    self._trouble = str(error)
                    log.warning("The engine cannot be reached; trying again: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _use(self, address: str) -> None:
        """Returns when the connection is lost, the engine is silent, or another one has taken over."""
        host, _, port = address.rpartition(":")
        loop = asyncio.get_running_loop()
        engine = _Engine(self._secret)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: engine, host.strip("[]"), int(port))
                await engine.until_open()
            self._engine = engine
            self._trouble = ""
            log.info("Connected to the engine at %s.", address)
            while not engine.is_lost:
                await asyncio.sleep(LOOK_SECONDS)
                engine.give_up_late()
                if loop.time() - engine.heard_at > SILENCE_SECONDS:
                    log.warning("The engine at %s is silent.", address)
                    return
                if not engine.is_ready and await self._engine_address() != address:
                    return
            log.warning("The connection to the engine at %s is lost.", address)
        finally:
            self._engine = None
            engine.hang_up()

    async def _keep_instruments(self) -> None:
        """Reads the instruments again where an answer named one that is not known here."""
        while True:
            await self._is_stale.wait()
            self._is_stale.clear()
            try:
                self._instruments = {instrument.id: instrument for instrument in await self._read_instruments()}
            except Exception as error:
                if not is_unavailable(error):
                    raise
                self._is_stale.set()
            await asyncio.sleep(LOOK_SECONDS)


Told = tuple[str | None, Any, Any]


class _Engine(Channel):
    """The API's end: numbers what it asks; `waiting` is what has no answer yet, oldest first."""

    def __init__(self, secret: bytes) -> None:
        super().__init__(End.API, secret)
        self.waiting: dict[int, tuple[asyncio.Future[Told], float]] = {}
        self.is_ready = False
        self.is_lost = False
        self.heard_at = self._loop.time()
        self._numbers = itertools.count(STATUS + 1)
        self._settled = asyncio.Event()

    async def until_open(self) -> None:
        """Raises ConnectionError where the other end hangs up, as it does on another secret."""
        await self._settled.wait()
        if self.is_lost:
            raise ConnectionError("the engine refused this process: is GRAMME_ENGINE_SECRET the same?")

    async def ask(self, command: Command) -> Told:
        number = next(self._numbers)
        payload, payload_hash = stored_form(command)
        key = None if command.key is None else command.key.hex
        answer: asyncio.Future[Told] = self._loop.create_future()
        self.waiting[number] = (answer, self._loop.time() + ANSWER_SECONDS)
        self.send((number, command.kind, command.caller, key, payload, payload_hash.hex()))
        return await answer

    def give_up_late(self) -> None:
        """Fails what has waited for ANSWER_SECONDS."""
        now = self._loop.time()
        late = list(itertools.takewhile(lambda number: self.waiting[number][1] <= now, self.waiting))
        for number in late:
            _fail(self.waiting.pop(number)[0])

    def opened(self) -> None:
        self.heard_at = self._loop.time()
        self._settled.set()

    def lost(self) -> None:
        self.is_ready = False
        self.is_lost = True
        self._settled.set()
        for answer, _ in self.waiting.values():
            _fail(answer)
        self.waiting.clear()

    def received(self, values: list[Any]) -> None:
        self.heard_at = self._loop.time()
        for number, *told in values:
            if number == STATUS:
                (self.is_ready,) = told
                continue
            waiting = self.waiting.pop(number, None)
            if waiting is not None and not waiting[0].done():
                kind, data, *state = told
                waiting[0].set_result((kind, data, state[0] if state else None))


def _fail(answer: "asyncio.Future[Told]") -> None:
    if not answer.done():
        answer.set_exception(Unavailable())
