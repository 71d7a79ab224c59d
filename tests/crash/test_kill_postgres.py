"""kill -9 of Postgres and all its children in mid-load: the server says so, acknowledges nothing, heals by itself."""

import asyncio
import random
import time

import pytest

from tests.crash.conftest import Tell
from tests.crash.exchange import Exchange
from tests.crash.followers import compare_followed, followers
from tests.crash.load import Load, during
from tests.crash.machine import Machine
from tests.crash.truth import Findings, Stored, compare, replayed, settled

KILLS = 3
AWAY_SECONDS = 1.0
HEAL_SECONDS = 20


@pytest.mark.crash
async def test_nothing_acknowledged_is_lost_when_postgres_is_killed(
    exchange: Exchange, machine: Machine, load: Load, chance: random.Random, tell: Tell
) -> None:
    findings = Findings()
    healing: list[float] = []

    async def crash() -> None:
        await asyncio.sleep(chance.uniform(0.3, 1.0))
        machine.kill_postgres()
        await asyncio.sleep(AWAY_SECONDS / 2)
        acknowledged, unavailable = load.acknowledged(), load.unanswered["UNAVAILABLE"]
        await asyncio.sleep(AWAY_SECONDS / 2)
        assert len(load.acknowledged()) == len(acknowledged), "something was acknowledged without Postgres"
        assert load.unanswered["UNAVAILABLE"] > unavailable, "nobody was told UNAVAILABLE"
        assert not await exchange.server.is_ready()
        begun = time.monotonic()
        await machine.start()
        findings.add(compare(acknowledged, await Stored.read(exchange.database_url)))
        async with asyncio.timeout(HEAL_SECONDS):
            await exchange.server.until_ready()
        healing.append(time.monotonic() - begun)

    await during(load, lambda: asyncio.sleep(0.5))
    async with followers(exchange) as followed:
        for number in range(1, KILLS + 1):
            await during(load, crash)
            findings.add(await settled(exchange, load, chance))
            tell(f"kill {number} of Postgres: healed after {healing[-1]:.2f} s, {len(load.saved)} requests")
        findings.add(await compare_followed(exchange, followed))
    findings.add(await replayed(exchange.database_url))
    tell(f"{KILLS} kills of Postgres: {load.summary()}; {findings.summary()}")
    assert not findings.breaches, findings.examples()
    assert set(load.unanswered) == {"UNAVAILABLE"}, "the server lives, so every request gets an answer"
