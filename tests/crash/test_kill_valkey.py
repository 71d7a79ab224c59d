"""kill -9 of Valkey in mid-load: trading goes on, and whoever follows a stream loses nothing and sees nothing twice.

The same where its memory is emptied under us and where it ends our subscriptions.
"""

import asyncio
import random
from pathlib import Path

import pytest
import redis.asyncio

from tests.crash.conftest import Tell
from tests.crash.fleet import fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial

AWAY_SECONDS = 1.5


@pytest.mark.crash
async def test_trading_goes_on_and_no_news_is_lost_when_valkey_is_killed(
    machine: Machine, tmp_path: Path, chance: random.Random, kills: int, times: int, tell: Tell
) -> None:
    async with fleet_on(machine, tmp_path) as fleet:

        async def kill() -> str:
            machine.kill_valkey()
            acknowledged, seen = len(running.load.acknowledged()), running.followed_seen()
            await asyncio.sleep(AWAY_SECONDS)
            traded, told = len(running.load.acknowledged()) - acknowledged, running.followed_seen() - seen
            assert traded > 0, "trading stopped without Valkey"
            assert told > 0, "no news came without Valkey"
            assert await fleet.exchange.server.is_ready()
            await machine.start()
            return f"{traded / AWAY_SECONDS:.0f} answers/s without it, {told} events told"

        async def command(*words: str) -> None:
            valkey = redis.asyncio.from_url(machine.servers.redis_url)
            try:
                await valkey.execute_command(*words)
            finally:
                await valkey.aclose()

        async with trial(fleet.exchange, chance, tell) as running:
            for _ in range(kills):
                await running.strike("kill of Valkey", kill)
            for _ in range(times):
                await running.strike("Valkey emptied", lambda: command("FLUSHALL"))  # type: ignore[arg-type,return-value]
                await running.strike("subscriptions ended", lambda: command("CLIENT", "KILL", "TYPE", "pubsub"))  # type: ignore[arg-type,return-value]
    assert not running.load.unanswered
