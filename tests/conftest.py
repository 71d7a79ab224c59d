"""Real servers for every test that needs one, and a database of its own for each.

`servers` start once a session in a home of their own; `database` is a copy of a migrated template. A run prints its
seed; `--seed N` runs the same again. Tests marked `root` run with `--root` only.
"""

import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
import redis.asyncio

from api.settings import Settings
from infra.embedded import EmbeddedServers
from infra.factors.loader import load_factors
from infra.postgres.connection import Database
from infra.postgres.migrate import migrate

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from api.resources import Resources

TEMPLATE = "gramme_template"
PASSWORD = "a long enough password"
_numbers = itertools.count(1)


# ---------------------------------------------------------------- the run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="run random tests as the run that printed this seed did")
    parser.addoption("--root", action="store_true", help="run the tests marked `root` too")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.seed is None:
        config.option.seed = _seed_of_the_first(config)
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(config.option.seed)


def _seed_of_the_first(config: pytest.Config) -> int:
    """A new seed; in a worker the one of the process that started it, which prints it."""
    seed: int | None = getattr(config, "workerinput", {}).get("seed")
    return random.SystemRandom().randrange(2**32) if seed is None else seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config: pytest.Config) -> str:
    return _seed_line(config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A quiet run has no header."""
    if config.option.verbose < 0:
        terminalreporter.write_line(_seed_line(config))


def _seed_line(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (run the same again with --seed {config.option.seed})"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.root:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root or Debian packages: run with --root"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The run's seed, mixed with the test's name, so that tests differ and each repeats."""
    return random.Random(f"{request.config.option.seed} {request.node.nodeid}").randrange(2**32)


# ---------------------------------------------------------------- servers and databases


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    embedded = EmbeddedServers(tmp_path_factory.mktemp("home"))
    try:
        embedded.start()
        yield embedded
    finally:
        embedded.stop()


@dataclass(frozen=True)
class TestDatabase:
    """A fresh, migrated database, and settings that point at it."""

    __test__ = False

    name: str
    app_url: str
    owner_url: str
    redis_url: str
    settings: Settings


def _url_of(url: str, database: str) -> str:
    return url.rsplit("/", 1)[0] + "/" + database


@pytest.fixture(scope="session")
async def template(servers: EmbeddedServers) -> str:
    """A migrated database with the emission factors, that nobody is connected to."""
    owner = await asyncpg.connect(servers.owner_url)
    try:
        await owner.execute(f"CREATE DATABASE {TEMPLATE}")
        await migrate(_url_of(servers.owner_url, TEMPLATE), _url_of(servers.app_url, TEMPLATE))
        opened = await Database.open(_url_of(servers.app_url, TEMPLATE))
        await load_factors(opened, ademe_impact_co2=False)
        await opened.close()
    finally:
        await owner.close()
    return TEMPLATE


@pytest.fixture
async def database(servers: EmbeddedServers, template: str, tmp_path: Path) -> AsyncIterator[TestDatabase]:
    name = f"gramme_test_{next(_numbers)}"
    owner = await asyncpg.connect(servers.owner_url)
    valkey = redis.asyncio.from_url(servers.redis_url)
    try:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await valkey.flushall()
        app_url, owner_url = _url_of(servers.app_url, name), _url_of(servers.owner_url, name)
        settings = Settings(
            database_url=app_url, migration_database_url=owner_url, redis_url=servers.redis_url, home=tmp_path / "home"
        )
        yield TestDatabase(name, app_url, owner_url, servers.redis_url, settings)
    finally:
        await owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await valkey.aclose()
        await owner.close()


# ---------------------------------------------------------------- the application


@pytest.fixture
async def application(database: TestDatabase) -> AsyncIterator["Starlette"]:
    """The whole server without its port: its lifespan runs, its writer has started."""
    from api.app import create_app

    app = create_app(database.settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield app


@pytest.fixture
async def resources(application: "Starlette") -> "Resources":
    """The resources of `application`; a test may use both."""
    opened: Resources = application.state.resources
    return opened


@pytest.fixture
async def client(application: "Starlette") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://gramme.test") as opened:
        yield opened


async def graphql(
    client: httpx.AsyncClient, document: str, variables: dict[str, Any] | None = None, token: str | None = None
) -> dict[str, Any]:
    """The answer's whole JSON, `data` and `errors`, whatever its status."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = await client.post("/graphql", json={"query": document, "variables": variables or {}}, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer


@dataclass(frozen=True)
class Caller:
    """Somebody signed in; `id` is the Node id of the user."""

    id: str
    email: str
    token: str
    refresh_token: str


SIGN_UP = """mutation ($input: SignUpInput!) { signUp(input: $input) {
    ... on Session { accessToken refreshToken user { id email } } ... on UserError { code message } } }"""
SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) {
    ... on Session { accessToken refreshToken user { id email } } ... on UserError { code message } } }"""


def _caller(session: dict[str, Any]) -> Caller:
    assert "accessToken" in session, session
    user = session["user"]
    return Caller(user["id"], user["email"], session["accessToken"], session["refreshToken"])


async def sign_up(client: httpx.AsyncClient, name: str = "Ada", **fields: Any) -> Caller:
    """A new person with an e-mail of its own; `fields` are further fields of SignUpInput."""
    values = {
        "email": f"{name.lower()}.{next(_numbers)}.{time.monotonic_ns()}@example.com",
        "password": PASSWORD,
        "displayName": name,
        "region": "GB",
    }
    answer = await graphql(client, SIGN_UP, {"input": values | fields})
    return _caller(answer["data"]["signUp"])


async def sign_in(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Caller:
    answer = await graphql(client, SIGN_IN, {"input": {"email": email, "password": password}})
    return _caller(answer["data"]["signIn"])


@pytest.fixture
async def operator(resources: "Resources", client: httpx.AsyncClient) -> Caller:
    """The operator, signed in."""
    from datetime import UTC, datetime

    from domain.identity.service import create_operator

    email = "operator@example.com"
    await create_operator(
        resources.stores.users, resources.hasher, email=email, password=PASSWORD, now=datetime.now(UTC)
    )
    return await sign_in(client, email)
