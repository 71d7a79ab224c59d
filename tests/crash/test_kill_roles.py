"""kill -9 of API processes and of engines: the other ones carry on, a waiting engine takes over, nothing is lost."""

import random
import time
from pathlib import Path

import pytest

from tests.crash.conftest import Tell
from tests.crash.fleet import TAKEOVER_SECONDS, fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial


@pytest.mark.crash
async def test_api_processes_and_engines_may_be_killed(
    machine: Machine, tmp_path: Path, chance: random.Random, kills: int, tell: Tell
) -> None:
    async with fleet_on(machine, tmp_path, engines=2, apis=2) as fleet:

        async def kill_api() -> str:
            api = chance.choice(fleet.apis)
            api.kill()
            await running.look()
            return f"ready after {await api.start():.2f} s"

        async def kill_engine() -> str:
            await fleet.until_on_standby()
            engine, epoch = await fleet.writer(), await fleet.epoch()
            begun = time.monotonic()
            engine.kill()
            await fleet.until_epoch_after(epoch, TAKEOVER_SECONDS)
            seconds = time.monotonic() - begun
            await running.look()
            engine.launch()
            return f"taken over after {seconds:.2f} s"

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(kills):
                await running.strike("kill of an API process", kill_api)
                await running.strike("kill of the engine", kill_engine)
