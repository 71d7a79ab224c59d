"""kill -9 of the server at random instants in mid-load: what it acknowledged is there, once, and nothing else is."""

import asyncio
import random

import pytest

from tests.crash.conftest import Tell
from tests.crash.exchange import Exchange
from tests.crash.followers import compare_followed, followers
from tests.crash.load import Load, during
from tests.crash.truth import Findings, Stored, compare, replayed, settled

WARM_SECONDS = 0.5


@pytest.mark.crash
async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(
    exchange: Exchange, chance: random.Random, kills: int, tell: Tell
) -> None:
    load = Load(exchange, chance)
    findings = Findings()

    async def crash() -> None:
        await asyncio.sleep(chance.uniform(0.1, 1.2))
        exchange.server.kill()
        acknowledged = load.acknowledged()
        findings.add(compare(acknowledged, await Stored.read(exchange.database_url)))
        if chance.random() < 0.2:
            exchange.server.launch()
            await asyncio.sleep(chance.uniform(0.3, 2.5))
            exchange.server.kill()
        seconds.append(await exchange.server.start())

    seconds: list[float] = []
    await during(load, lambda: asyncio.sleep(WARM_SECONDS))
    async with followers(exchange) as followed:
        for number in range(1, kills + 1):
            await during(load, crash)
            findings.add(await settled(exchange, load, chance))
            tell(
                f"kill {number}: ready after {seconds[-1]:.2f} s, {len(load.saved)} requests, "
                f"{dict(findings.breaches) or 'no breach'}"
            )
        findings.add(await compare_followed(exchange, followed))
    findings.add(await replayed(exchange.database_url))
    tell(f"{kills} kills: {dict(findings.figures)}, unanswered {dict(load.unanswered)}")
    assert not findings.breaches, findings.examples
