"""`gramme serve` with its bundled servers, all of it killed in mid-load: the next start finds everything whole."""

import asyncio
import random
from pathlib import Path

import pytest

from infra.embedded import EmbeddedServers
from tests.crash.conftest import Tell, environment_of
from tests.crash.exchange import set_up
from tests.crash.load import Load, during
from tests.crash.machine import Machine
from tests.crash.server_process import ServerProcess
from tests.crash.truth import Findings, Stored, compare, replayed, settled

KILLS = 1


@pytest.mark.crash
async def test_a_home_is_whole_after_all_its_processes_were_killed(
    tmp_path: Path, chance: random.Random, tell: Tell
) -> None:
    home = tmp_path / "home"
    machine = Machine(EmbeddedServers(home))
    findings = Findings()
    with ServerProcess(environment_of(home), tmp_path / "server.log") as server:
        await server.start()
        try:
            async with set_up(server, machine.servers.owner_url) as exchange:
                load = Load(exchange, chance)

                async def crash() -> None:
                    await asyncio.sleep(chance.uniform(0.3, 1.0))
                    machine.kill_postgres()
                    machine.kill_valkey()
                    server.kill()
                    acknowledged = load.acknowledged()
                    seconds = await server.start()
                    findings.add(compare(acknowledged, await Stored.read(exchange.database_url)))
                    tell(f"all of it killed: ready after {seconds:.2f} s, {len(load.saved)} requests")

                for _ in range(KILLS):
                    await during(load, crash)
                    findings.add(await settled(exchange, load, chance))
                await load.hang_up()
                findings.add(await replayed(exchange.database_url))
                tell(f"{KILLS} kills of everything: {load.summary()}; {findings.summary()}")
        finally:
            code = server.stop()
    assert not findings.breaches, findings.examples()
    assert code == 0
    assert not machine.pids(), "processes are left"
