"""Who writes: a frozen engine is replaced and can do nothing when it wakes; of two started at once one does."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.crash.conftest import Tell
from tests.crash.fleet import TAKEOVER_SECONDS, fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial

AWAKE_SECONDS = 1.5


@pytest.mark.crash
async def test_one_engine_writes_whatever_happens_to_it(
    machine: Machine, tmp_path: Path, chance: random.Random, times: int, tell: Tell
) -> None:
    async with fleet_on(machine, tmp_path, engines=2) as fleet:

        async def freeze() -> str:
            """SIGSTOP until another one has taken over and trades, then SIGCONT."""
            await fleet.until_on_standby()
            engine, epoch = await fleet.writer(), await fleet.epoch()
            engine.freeze()
            try:
                seconds = await fleet.until_ready_again(TAKEOVER_SECONDS)
                await asyncio.sleep(AWAKE_SECONDS)
                await running.look()
            finally:
                engine.thaw()
            await asyncio.sleep(AWAKE_SECONDS)
            await running.look()
            assert await fleet.epoch() == epoch + 1, "the one that woke took the lease back"
            assert not await engine.is_ready()
            assert engine.is_alive, "it waits its turn"
            return f"taken over after {seconds:.2f} s"

        async def start_both() -> str:
            """Neither runs; both start at the same moment."""
            for engine in fleet.engines:
                engine.kill()
            epoch = await fleet.epoch()
            for engine in fleet.engines:
                engine.launch()
            seconds = await fleet.until_ready_again(TAKEOVER_SECONDS + 10)
            ready = [await engine.is_ready() for engine in fleet.engines]
            assert sum(ready) == 1, f"{sum(ready)} engines are ready"
            assert await fleet.epoch() == epoch + 1
            return f"one of two is ready after {seconds:.2f} s"

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(times):
                await running.strike("freeze of the engine", freeze)
            for _ in range(2 * times):
                await running.strike("two engines at once", start_both)
