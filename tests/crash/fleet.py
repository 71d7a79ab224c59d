"""Engines and API processes on one machine, each to be killed, frozen and started again by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.crash.conftest import addresses_of, environment_of
from tests.crash.exchange import Exchange, set_up
from tests.crash.machine import Machine
from tests.crash.server_process import ASK_SECONDS, ServerProcess, free_port

TAKEOVER_SECONDS = 10
START_SECONDS = 60
NO_SETTINGS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Fleet:
    machine: Machine
    engines: list[ServerProcess]
    apis: list[ServerProcess]
    exchange: Exchange

    async def writer(self) -> ServerProcess:
        """The engine that holds the lease."""
        for engine in self.engines:
            if engine.is_alive and await engine.is_ready():
                return engine
        raise AssertionError(f"no engine is ready: {[engine.last_words() for engine in self.engines]}")

    async def until_on_standby(self, seconds: float = START_SECONDS) -> None:
        """Waits until every engine that does not write waits to."""
        async with asyncio.timeout(seconds):
            for engine in self.engines:
                while await engine.status() not in (200, 503):  # noqa: ASYNC110
                    await asyncio.sleep(ASK_SECONDS)

    async def epoch(self) -> int:
        """How often a writer has taken the lease."""
        connection = await asyncpg.connect(self.exchange.database_url)
        try:
            return int(await connection.fetchval("SELECT epoch FROM lease"))
        finally:
            await connection.close()

    async def until_epoch_after(self, epoch: int, seconds: float) -> None:
        """Waits until a writer has taken the lease anew and orders can be taken."""
        async with asyncio.timeout(seconds):
            while await self.epoch() <= epoch:  # noqa: ASYNC110
                await asyncio.sleep(ASK_SECONDS)
        await self.until_ready(seconds)

    async def until_ready(self, seconds: float = TAKEOVER_SECONDS) -> float:
        """Seconds until every API process that lives could take an order; it must not take longer than `seconds`."""
        begun = time.monotonic()
        for api in self.apis:
            while not await api.is_ready():
                waited = time.monotonic() - begun
                assert waited < seconds, f"not ready after {seconds} s: {api.last_words()}"
                await asyncio.sleep(ASK_SECONDS)
        return time.monotonic() - begun

    async def until_ready_again(self, seconds: float) -> float:
        """As `until_ready`, for when the API has yet to notice that its engine is gone."""
        begun = time.monotonic()
        while await self.apis[0].is_ready():
            assert time.monotonic() - begun < seconds, "nobody noticed that the engine is gone"
            await asyncio.sleep(ASK_SECONDS)
        await self.until_ready(seconds - (time.monotonic() - begun))
        return time.monotonic() - begun


@asynccontextmanager
async def fleet_on(
    machine: Machine,
    folder: Path,
    *,
    engines: int = 1,
    apis: int = 1,
    of_engines: Sequence[Mapping[str, str]] = (),
    of_apis: Mapping[str, str] = NO_SETTINGS,
) -> AsyncIterator[Fleet]:
    """All of them ready or on standby, and a market in front. `of_engines` are settings of each engine."""
    environment = environment_of(folder / "home") | addresses_of(machine)
    async with AsyncExitStack() as stack:

        def process(role: str, number: int, settings: Mapping[str, str]) -> ServerProcess:
            own = {**environment, "GRAMME_PORT": str(free_port()), **settings}
            return stack.enter_context(ServerProcess(own, folder / f"{role}-{number}.log", role))

        settings = [*of_engines, *[NO_SETTINGS] * engines][:engines]
        writers = [process("engine", number, own) for number, own in enumerate(settings)]
        doors = [process("api", number, of_apis) for number in range(apis)]
        await writers[0].start()
        for other in (*doors, *writers[1:]):
            other.launch()
        for door in doors:
            await door.until_ready()
        exchange = await stack.enter_async_context(set_up(doors[0], machine.servers.owner_url, *doors[1:]))
        yield Fleet(machine, writers, doors, exchange)
