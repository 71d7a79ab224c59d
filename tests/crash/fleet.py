"""Engines and API processes on one machine, each to be killed, frozen and started again by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.conftest import addresses_of, environment_of
from tests.crash.exchange import Exchange, set_up
from tests.crash.machine import Machine
from tests.crash.server_process import ASK_SECONDS, ServerProcess, free_port

TAKEOVER_SECONDS = 10


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

    def others(self, engine: ServerProcess) -> list[ServerProcess]:
        return [other for other in self.engines if other is not engine]

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
    of_engine: Mapping[str, str] | None = None,
    of_api: Mapping[str, str] | None = None,
) -> AsyncIterator[Fleet]:
    """All of them ready or on standby, and a market in front. `of_engine` are settings of the first engine alone."""
    environment = environment_of(folder / "home") | addresses_of(machine)
    async with AsyncExitStack() as stack:

        def process(role: str, number: int, settings: Mapping[str, str] | None) -> ServerProcess:
            own = {**environment, "GRAMME_PORT": str(free_port()), **(settings or {})}
            return stack.enter_context(ServerProcess(own, folder / f"{role}-{number}.log", role))

        writers = [process("engine", number, None if number else of_engine) for number in range(engines)]
        doors = [process("api", number, of_api) for number in range(apis)]
        await writers[0].start()
        for other in (*doors, *writers[1:]):
            other.launch()
        for door in doors:
            await door.until_ready()
        exchange = await stack.enter_async_context(set_up(doors[0], machine.servers.owner_url, *doors[1:]))
        yield Fleet(machine, writers, doors, exchange)
