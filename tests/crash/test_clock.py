"""Clocks that jump, one process at a time: order goes by number, time never runs back in what is stored.

libfaketime (Debian's package `libfaketime`) gives a process another clock, which jumps when a file says so.
"""

import asyncio
import random
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.crash.conftest import Tell
from tests.crash.fleet import fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
JUMPS = (timedelta(hours=1), timedelta(hours=-25), timedelta(days=40), timedelta())
"""From the true time: each replaces the one before."""
SETTLE_SECONDS = 1.0
BACKWARDS = (
    """SELECT count(*) FROM (SELECT at < lag(at) OVER (ORDER BY sequence) AS earlier FROM command) c WHERE earlier"""
)


class JumpingClock:
    """The clock of whoever has these settings."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(timedelta())

    def set(self, from_the_true_time: timedelta) -> None:
        self._file.write_text(f"{from_the_true_time.total_seconds():+.0f}\n")

    @property
    def settings(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.mark.crash
@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (apt-get install libfaketime)")
async def test_clocks_may_jump(machine: Machine, tmp_path: Path, chance: random.Random, times: int, tell: Tell) -> None:
    of_engine, of_api = JumpingClock(tmp_path / "engine.clock"), JumpingClock(tmp_path / "api.clock")
    async with fleet_on(machine, tmp_path, of_engines=[of_engine.settings], of_apis=of_api.settings) as fleet:

        async def jump(clock: JumpingClock, by: timedelta) -> str:
            before = len(running.load.acknowledged())
            clock.set(by)
            await asyncio.sleep(SETTLE_SECONDS)
            answered = len(running.load.acknowledged()) - before
            assert answered > 0, "nothing is answered after a jump"
            await running.look()
            return f"{by}: {answered / SETTLE_SECONDS:.0f} answers/s"

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(times):
                for by in JUMPS:
                    await running.strike("jump of the engine's clock", partial(jump, of_engine, by))
                for by in (timedelta(minutes=-5), timedelta()):
                    await running.strike("jump of an API's clock", partial(jump, of_api, by))
            connection = await asyncpg.connect(fleet.exchange.database_url)
            try:
                assert await connection.fetchval(BACKWARDS) == 0, "a later command has an earlier time"
            finally:
                await connection.close()
