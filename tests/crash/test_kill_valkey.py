"""kill -9 of Valkey in mid-load: trading goes on, and whoever follows a stream loses nothing and sees nothing twice."""

import asyncio
import random

import pytest

from tests.crash.conftest import Tell
from tests.crash.exchange import Exchange
from tests.crash.followers import compare_followed, followers
from tests.crash.load import Load, during
from tests.crash.machine import Machine
from tests.crash.truth import Findings, replayed, settled

KILLS = 3
AWAY_SECONDS = 2.0


@pytest.mark.crash
async def test_trading_goes_on_and_no_news_is_lost_when_valkey_is_killed(
    exchange: Exchange, machine: Machine, load: Load, chance: random.Random, tell: Tell
) -> None:
    findings = Findings()
    rates: list[tuple[float, int]] = []
    await during(load, lambda: asyncio.sleep(0.5))
    async with followers(exchange) as followed:

        async def crash() -> None:
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            machine.kill_valkey()
            acknowledged, seen = len(load.acknowledged()), len(followed[0].subscriber.sequences)
            await asyncio.sleep(AWAY_SECONDS)
            traded = len(load.acknowledged()) - acknowledged
            told = len(followed[0].subscriber.sequences) - seen
            rates.append((traded / AWAY_SECONDS, told))
            assert traded > 0, "trading stopped without Valkey"
            assert told > 0, "no news came without Valkey"
            assert await exchange.server.is_ready()
            await machine.start()

        for number in range(1, KILLS + 1):
            await during(load, crash)
            findings.add(await settled(exchange, load, chance))
            tell(f"kill {number} of Valkey: {rates[-1][0]:.0f} answers/s without it, {rates[-1][1]} events told")
        findings.add(await compare_followed(exchange, followed))
    findings.add(await replayed(exchange.database_url))
    tell(f"{KILLS} kills of Valkey: {load.summary()}; {findings.summary()}")
    assert not findings.breaches, findings.examples()
    assert not load.unanswered
