"""Servers that may be killed: their own Postgres and Valkey, and the API as a process of its own.

`--kills N` says how often the server is killed (`pytest tests/crash --kills 25`); a run of all tests kills it 5 times.
"""

import random
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from infra.embedded import EmbeddedServers
from tests.conftest import PASSWORD, TestDatabase
from tests.crash.exchange import Exchange, set_up
from tests.crash.server_process import ServerProcess, free_port

KILLS = 5
Tell = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=KILLS, help="how often tests/crash kills the server")


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills", KILLS))


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
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    """A Postgres and a Valkey that a test may kill; `start` starts them again."""
    embedded = EmbeddedServers(tmp_path_factory.mktemp("own"))
    try:
        embedded.start()
        yield embedded
    finally:
        embedded.stop()


def _environment(home: Path, app_url: str, owner_url: str, redis_url: str) -> dict[str, str]:
    """Settings of a server without rate limits, as a benchmark of kills needs it."""
    return {
        "GRAMME_DATABASE_URL": app_url,
        "GRAMME_MIGRATION_DATABASE_URL": owner_url,
        "GRAMME_REDIS_URL": redis_url,
        "GRAMME_HOME": str(home),
        "GRAMME_PORT": str(free_port()),
        "GRAMME_OPERATOR_EMAIL": f"operator.{secrets.token_hex(4)}@example.com",
        "GRAMME_OPERATOR_PASSWORD": PASSWORD,
        **{f"GRAMME_LIMIT_{name}": "1000000" for name in ("SIGN_UPS", "ORDERS", "MUTATIONS", "PARTNER")},
    }


@pytest.fixture
async def exchange(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Exchange]:
    """A served market on a fresh database of the session's servers."""
    environment = _environment(tmp_path, database.app_url, database.owner_url, database.redis_url)
    with ServerProcess(environment, tmp_path / "server.log") as server:
        await server.start()
        async with set_up(server, database.owner_url) as exchange:
            yield exchange


@pytest.fixture
async def fragile_exchange(own_servers: EmbeddedServers, tmp_path: Path) -> AsyncIterator[Exchange]:
    """A served market on servers that may be killed."""
    environment = _environment(tmp_path, own_servers.app_url, own_servers.owner_url, own_servers.redis_url)
    with ServerProcess(environment, tmp_path / "server.log") as server:
        await server.start()
        async with set_up(server, own_servers.owner_url) as exchange:
            yield exchange
