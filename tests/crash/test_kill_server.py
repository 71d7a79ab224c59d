"""kill -9 of the server at random instants in mid-load: what it acknowledged is there, once, and nothing else is.

In some of the kills Postgres and Valkey go down with it, as when a machine loses its power, and some hit the server
again while it recovers.
"""

import asyncio
import random
from collections import Counter

import pytest

from tests.crash.conftest import Tell
from tests.crash.exchange import Exchange
from tests.crash.followers import compare_followed, followers
from tests.crash.load import Load, during
from tests.crash.machine import Machine
from tests.crash.truth import Findings, Stored, compare, replayed, settled

WARM_SECONDS = 0.5
MID_LOAD_SECONDS = (0.2, 2.0)
POWER_CUTS = 0.5
KILLED_AGAIN = 0.2


@pytest.mark.crash
async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(
    exchange: Exchange, machine: Machine, load: Load, chance: random.Random, kills: int, tell: Tell
) -> None:
    findings = Findings()
    sorts: Counter[str] = Counter()
    seconds: list[float] = []

    async def crash() -> None:
        await asyncio.sleep(chance.uniform(*MID_LOAD_SECONDS))
        power_cut = chance.random() < POWER_CUTS
        if power_cut:
            machine.kill_postgres()
            machine.kill_valkey()
        exchange.server.kill()
        sorts["power cuts" if power_cut else "of the server"] += 1
        acknowledged = load.acknowledged()
        await machine.start()
        findings.add(compare(acknowledged, await Stored.read(exchange.database_url)))
        if chance.random() < KILLED_AGAIN:
            exchange.server.launch()
            await asyncio.sleep(chance.uniform(0.3, 2.5))
            exchange.server.kill()
            sorts["again"] += 1
        seconds.append(await exchange.server.start())

    await during(load, lambda: asyncio.sleep(WARM_SECONDS))
    async with followers(exchange) as followed:
        for number in range(1, kills + 1):
            await during(load, crash)
            findings.add(await settled(exchange, load, chance))
            tell(f"kill {number}: ready after {seconds[-1]:.2f} s, {len(load.saved)} requests, {findings.numbers()}")
        findings.add(await compare_followed(exchange, followed))
    findings.add(await replayed(exchange.database_url))
    tell(f"kills: {dict(sorts)}, ready after {max(seconds):.2f} s at most; {load.summary()}; {findings.summary()}")
    assert not findings.breaches, findings.examples()
