"""kill -9 of Postgres and all its children in mid-load: the API says so, acknowledges nothing, heals by itself."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.crash.conftest import Tell
from tests.crash.fleet import fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial

AWAY_SECONDS = 1.0
HEAL_SECONDS = 20


@pytest.mark.crash
async def test_nothing_acknowledged_is_lost_when_postgres_is_killed(
    machine: Machine, tmp_path: Path, chance: random.Random, kills: int, tell: Tell
) -> None:
    async with fleet_on(machine, tmp_path) as fleet:

        async def kill() -> str:
            unavailable = running.load.unanswered["UNAVAILABLE"]
            machine.kill_postgres()
            await asyncio.sleep(AWAY_SECONDS / 2)
            acknowledged = running.load.acknowledged()
            await asyncio.sleep(AWAY_SECONDS / 2)
            assert len(running.load.acknowledged()) == len(acknowledged), "something was acknowledged without Postgres"
            assert running.load.unanswered["UNAVAILABLE"] > unavailable, "nobody was told UNAVAILABLE"
            assert not await fleet.exchange.server.is_ready()
            begun = time.monotonic()
            await machine.start()
            await running.look()
            await fleet.until_ready(HEAL_SECONDS)
            return f"healed after {time.monotonic() - begun:.2f} s"

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(kills):
                await running.strike("kill of Postgres", kill)
    assert set(running.load.unanswered) == {"UNAVAILABLE"}, "the API lives, so every request gets an answer"
