"""The server as several processes: API processes in front of one engine, and a second engine that waits its turn."""

import asyncio
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from infra.embedded.processes import free_port
from infra.engine.audit import audit
from tests.api.commands import RunningServer, gramme, running
from tests.conftest import PASSWORD, Caller, TestDatabase, graphql, sign_in, sign_up
from tests.infra.engine.running import eventually

TAKEOVER_SECONDS = 10
OPERATOR = "operator@example.com"
CREATE_PROGRAMME = """mutation ($input: CreateProgrammeInput!) { createProgramme(input: $input) {
    __typename ... on UserError { message } } }"""
DEPOSIT = """mutation ($user: ID!, $key: ID!) {
    postDeposit(userId: $user, currency: "EUR", amount: 1000000, idempotencyKey: $key) {
      __typename ... on DepositPayload { balance { available } } ... on UserError { code message } } }"""
BUY = """mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
    __typename ... on Order { id status clientOrderId symbol remainingQuantity placedAt }
    ... on UserError { code message } } }"""


class Processes:
    """Starts roles on one database; all of them are killed at the end."""

    def __init__(self, database: TestDatabase, home: Path, stack: ExitStack) -> None:
        self._home = home
        self._stack = stack
        self.settings = {
            "GRAMME_DATABASE_URL": database.app_url,
            "GRAMME_MIGRATION_DATABASE_URL": database.owner_url,
            "GRAMME_REDIS_URL": database.redis_url,
            "GRAMME_OPERATOR_EMAIL": OPERATOR,
            "GRAMME_OPERATOR_PASSWORD": PASSWORD,
        }
        self._count = 0

    def start(self, role: str, **settings: str) -> RunningServer:
        self._count += 1
        home = self._home / f"{role}-{self._count}"
        return self._stack.enter_context(running(home, "serve", "--role", role, **(self.settings | settings)))


@pytest.fixture
def processes(database: TestDatabase, tmp_path: Path) -> Iterator[Processes]:
    with ExitStack() as stack:
        yield Processes(database, tmp_path, stack)


async def until_ready(server: RunningServer, seconds: float = 60) -> None:
    await asyncio.to_thread(server.wait_ready, seconds)


@pytest.fixture
async def person(processes: Processes) -> tuple[RunningServer, RunningServer, Caller]:
    """An engine, an API process in front of it, and somebody with money and a market to spend it in."""
    engine = processes.start("engine")
    await until_ready(engine)
    api = processes.start("api")
    await until_ready(api)
    async with httpx.AsyncClient(base_url=api.url, timeout=20) as client:
        operator = await sign_in(client, OPERATOR)
        caller = await sign_up(client)
        values = {"code": "DUO", "name": "Duo", "region": "GB", "currency": "EUR", "weeklyAllowance": 1000}
        made = await graphql(client, CREATE_PROGRAMME, {"input": values | {"pointsPerKg": 1}}, operator.token)
        assert made["data"]["createProgramme"]["__typename"] == "Programme", made
        paid = await graphql(client, DEPOSIT, {"user": caller.id, "key": str(uuid.uuid4())}, operator.token)
        assert paid["data"]["postDeposit"]["balance"]["available"] == 1_000_000
    return engine, api, caller


def order(key: str | None = None) -> dict[str, Any]:
    year = time.gmtime().tm_year
    values = {"clientOrderId": key or str(uuid.uuid4()), "symbol": f"PCA-DUO-{year}", "side": "BUY"}
    return {"input": values | {"quantity": 1_000, "price": 2_500, "timeInForce": "GTC"}}


async def placed(api: RunningServer, caller: Caller, variables: dict[str, Any]) -> dict[str, Any]:
    """The order, asked for with one key until there is an answer."""
    deadline = time.monotonic() + TAKEOVER_SECONDS
    async with httpx.AsyncClient(base_url=api.url, timeout=20) as client:
        while True:
            answer = await graphql(client, BUY, variables, caller.token)
            if answer.get("data"):
                result: dict[str, Any] = answer["data"]["placeOrder"]
                assert result["__typename"] == "Order", result
                return result
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE", answer
            assert time.monotonic() < deadline, "no engine took over in time"
            await asyncio.sleep(0.1)


async def test_api_processes_answer_for_one_engine(
    processes: Processes, person: tuple[RunningServer, RunningServer, Caller], database: TestDatabase
) -> None:
    _, first, caller = person
    second = processes.start("api")
    await until_ready(second)
    variables = order()

    ours = await placed(first, caller, variables)
    theirs = await placed(second, caller, variables)

    assert ours == theirs
    assert (ours["status"], ours["remainingQuantity"]) == ("OPEN", 1_000)
    assert all(check.ok for check in await audit(database.app_url))


async def test_each_role_says_its_own_figures(person: tuple[RunningServer, RunningServer, Caller]) -> None:
    engine, api, _ = person
    async with httpx.AsyncClient() as client:
        of_engine = (await client.get(f"{engine.url}/metrics")).text
        of_api = (await client.get(f"{api.url}/metrics")).text
        refused = await client.post(f"{engine.url}/graphql", json={"query": "{ __typename }"})

    assert "gramme_engine_connections 1.0" in of_engine
    assert "gramme_writer_epoch 1.0" in of_engine
    assert "gramme_writer_ready 1.0" in of_engine
    assert "gramme_writer_ready 1.0" in of_api
    assert "gramme_writer_epoch" not in of_api
    assert 'gramme_http_requests_total{path="/graphql",status="200"}' in of_api
    assert refused.status_code == 404


async def stand_by(processes: Processes) -> RunningServer:
    """A second engine that waits for the first one to end."""
    standby = processes.start("engine")
    for _ in range(300):
        if standby.status() == 503:
            break
        await asyncio.sleep(0.1)
    return standby


async def test_a_killed_engine_is_replaced_within_ten_seconds(
    processes: Processes, person: tuple[RunningServer, RunningServer, Caller], database: TestDatabase
) -> None:
    engine, api, caller = person
    standby = await stand_by(processes)
    assert (standby.status(), api.status()) == (503, 200)
    variables = order()
    before = await placed(api, caller, variables)

    begun = time.monotonic()
    engine.process.kill()
    again = await placed(api, caller, variables)
    await placed(api, caller, order())

    assert time.monotonic() - begun < TAKEOVER_SECONDS
    assert again == before
    assert standby.status() == 200
    assert all(check.ok for check in await audit(database.app_url))


async def test_a_frozen_engine_is_replaced_and_writes_nothing_when_it_wakes(
    processes: Processes, person: tuple[RunningServer, RunningServer, Caller], database: TestDatabase
) -> None:
    engine, api, caller = person
    standby = await stand_by(processes)
    key = str(uuid.uuid4())

    begun = time.monotonic()
    engine.process.send_signal(signal.SIGSTOP)
    try:
        first = await placed(api, caller, order(key))
        assert time.monotonic() - begun < TAKEOVER_SECONDS
    finally:
        engine.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(2)

    assert await placed(api, caller, order(key)) == first
    assert (engine.status(), standby.status(), api.status()) == (503, 200, 200)
    connection = await asyncpg.connect(database.owner_url)
    try:
        assert await connection.fetchval("SELECT epoch FROM lease") == 2
        assert await connection.fetchval("SELECT count(*) FROM orders") == 1
    finally:
        await connection.close()
    assert all(check.ok for check in await audit(database.app_url))


async def test_an_api_process_alone_lives_and_is_not_ready(
    person: tuple[RunningServer, RunningServer, Caller],
) -> None:
    engine, api, caller = person
    engine.stop()
    async with httpx.AsyncClient(base_url=api.url, timeout=20) as client:
        answer = await graphql(client, BUY, order(), caller.token)
        healthy = await client.get("/healthz")
        ready = await client.get("/readyz")

    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert (healthy.status_code, ready.status_code) == (200, 503)


def test_an_api_process_before_any_engine_says_what_to_do(servers: Any, tmp_path: Path) -> None:
    ended = gramme(
        "serve", "--role", "api",
        GRAMME_HOME=str(tmp_path), GRAMME_PORT="1025",
        GRAMME_DATABASE_URL=servers.owner_url.rsplit("/", 1)[0] + "/postgres", GRAMME_REDIS_URL=servers.redis_url,
    )  # fmt: skip

    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("start `gramme serve --role engine` first.")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"GRAMME_ENGINE_HOST": "0.0.0.0"}, "write the one address at which they reach the engine"),
        ({"GRAMME_ENGINE_HOST": "no.such.host.invalid"}, "which is no address of this machine"),
        ({"GRAMME_ENGINE_HOST": "192.0.2.1"}, "correct GRAMME_ENGINE_HOST and GRAMME_ENGINE_PORT"),
    ],
    ids=["wildcard", "unknown", "not ours"],
)
def test_an_engine_that_nobody_could_reach_does_not_start(
    database: TestDatabase, processes: Processes, settings: dict[str, str], words: str, tmp_path: Path
) -> None:
    ended = gramme(
        "serve", "--role", "engine", GRAMME_HOME=str(tmp_path / "x"), GRAMME_PORT=str(free_port()),
        **(processes.settings | settings),
    )  # fmt: skip

    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_two_engines_started_at_once_share_one_lease_and_stop_in_order(processes: Processes) -> None:
    first, second = processes.start("engine"), processes.start("engine")
    await asyncio.gather(*(asyncio.to_thread(_until_served, server) for server in (first, second)))

    async def one_is_ready() -> bool:
        return sorted([first.status(), second.status()]) == [200, 503]

    await eventually(one_is_ready)
    ready, waiting = (first, second) if first.status() == 200 else (second, first)

    assert waiting.stop() < 5
    assert ready.stop() < 5
    assert (waiting.process.returncode, ready.process.returncode) == (0, 0)


def _until_served(server: RunningServer) -> None:
    deadline = time.monotonic() + 30
    while server.status() == 0:
        assert server.process.poll() is None, server.printed()
        assert time.monotonic() < deadline, server.printed()
        time.sleep(0.05)
