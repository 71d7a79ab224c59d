"""kill -9 of a server that is everything in one, in mid-load: what it acknowledged is there, once, and nothing else is.

In some of the kills Postgres and Valkey go down with it, as when a machine loses its power, and some hit the server
again while it recovers.
"""

import asyncio
import random

import pytest

from tests.crash.conftest import Tell
from tests.crash.exchange import Exchange
from tests.crash.machine import Machine
from tests.crash.trial import trial

POWER_CUTS = 0.5
KILLED_AGAIN = 0.2


@pytest.mark.crash
async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(
    exchange: Exchange, machine: Machine, chance: random.Random, kills: int, tell: Tell
) -> None:
    async with trial(exchange, chance, tell) as running:

        async def crash(power_cut: bool) -> str:
            if power_cut:
                machine.kill_postgres()
                machine.kill_valkey()
            exchange.server.kill()
            await machine.start()
            await running.look()
            if chance.random() < KILLED_AGAIN:
                exchange.server.launch()
                await asyncio.sleep(chance.uniform(0.3, 2.5))
                exchange.server.kill()
                running.faults["kill of the server again"] += 1
            return f"ready after {await exchange.server.start():.2f} s"

        for _ in range(-(-kills // 2)):
            power_cut = chance.random() < POWER_CUTS
            name = "kill of the server, Postgres and Valkey at once" if power_cut else "kill of the server"
            await running.strike(name, lambda cut=power_cut: crash(cut))  # type: ignore[misc]
