"""A machine whose servers may be killed, and the API as a process of its own.

`--kills N` says how often each sort of process is killed, `--faults N` how often every other fault is tried
(`pytest tests/crash --kills 10 --faults 1`).
"""

import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from infra.embedded import EmbeddedServers
from infra.embedded.postgres import SETTINGS
from tests.conftest import PASSWORD
from tests.crash.exchange import Exchange, set_up
from tests.crash.machine import Machine
from tests.crash.server_process import ServerProcess, free_port
from tests.crash.trial import TOTALS

KILLS = 2
SLOW_DISK = {"commit_delay": "50000", "commit_siblings": "0"}
"""50 ms before each flush of a commit: long enough that an answer given too early is seen and lost."""
Tell = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=KILLS, help="how often tests/crash kills each process")
    parser.addoption("--faults", type=int, default=1, help="how often tests/crash tries every other fault")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in TOTALS.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills", KILLS))


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest) -> int:
    """How often each fault other than a kill is tried."""
    return int(request.config.getoption("--faults", 1))


@pytest.fixture
def chance(seed: int) -> random.Random:
    return random.Random(seed)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], seed: int) -> Tell:
    """Says a line while the test runs."""

    def line(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {text}")

    line(f"seed {seed}")
    return line


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A Postgres and a Valkey that a test may kill, on a disk that takes its time."""
    for name, value in SLOW_DISK.items():
        monkeypatch.setitem(SETTINGS, name, value)
    embedded = EmbeddedServers(tmp_path_factory.mktemp("machine"))
    try:
        embedded.start()
        yield Machine(embedded)
    finally:
        embedded.stop()


@pytest.fixture
async def exchange(machine: Machine, tmp_path: Path) -> AsyncIterator[Exchange]:
    """A served market on the machine."""
    environment = environment_of(tmp_path / "home") | addresses_of(machine)
    with ServerProcess(environment, tmp_path / "server.log") as server:
        await server.start()
        async with set_up(server, machine.servers.owner_url) as exchange:
            yield exchange


def addresses_of(machine: Machine) -> dict[str, str]:
    return {
        "GRAMME_DATABASE_URL": machine.servers.app_url,
        "GRAMME_MIGRATION_DATABASE_URL": machine.servers.owner_url,
        "GRAMME_REDIS_URL": machine.servers.redis_url,
    }


def environment_of(home: Path) -> dict[str, str]:
    """Settings of a server with an operator, without rate limits, whose batches are small and so follow closely."""
    return {
        "GRAMME_HOME": str(home),
        "GRAMME_PORT": str(free_port()),
        "GRAMME_OPERATOR_EMAIL": "operator@example.com",
        "GRAMME_OPERATOR_PASSWORD": PASSWORD,
        "GRAMME_BATCH_SIZE": "8",
        **{f"GRAMME_LIMIT_{name}": "1000000" for name in ("SIGN_UPS", "ORDERS", "MUTATIONS", "PARTNER")},
    }
