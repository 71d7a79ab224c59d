"""One served API for the tests that attack it from outside: over real sockets, as anybody could."""

import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from api.server import serving
from api.settings import Settings
from infra.embedded import EmbeddedServers
from tests.conftest import Caller, sign_up

ORIGIN = "https://app.gramme.example"
PROTOCOL = "graphql-transport-ws"


@dataclass(frozen=True)
class Served:
    """`owner_url` is the way into its database with all rights."""

    address: str
    client: httpx.AsyncClient
    owner_url: str

    async def ask(self, document: str, variables: Any = None, token: str | None = None) -> dict[str, Any]:
        """The JSON of an answer that must not be a failure of the server."""
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        answer = await self.client.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()
        return data

    @asynccontextmanager
    async def socket(
        self, origin: str | None = None, protocols: tuple[str, ...] = (PROTOCOL,)
    ) -> AsyncIterator[ClientConnection]:
        async with connect(
            f"ws://{self.address}/graphql",
            subprotocols=[Subprotocol(protocol) for protocol in protocols] or None,
            origin=None if origin is None else Origin(origin),
            proxy=None,
            close_timeout=2,
        ) as opened:
            yield opened

    @asynccontextmanager
    async def greeted(self, token: str | None = None) -> AsyncIterator[ClientConnection]:
        """A socket whose connection_init was acknowledged."""
        async with self.socket() as opened:
            payload = {} if token is None else {"payload": {"authorization": f"Bearer {token}"}}
            await opened.send(json.dumps({"type": "connection_init", **payload}))
            assert json.loads(await opened.recv()) == {"type": "connection_ack"}
            yield opened


def codes(answer: dict[str, Any]) -> list[str]:
    """The code of each error; an error without one fails the test."""
    return [error["extensions"]["code"] for error in answer.get("errors", [])]


@pytest.fixture(scope="module")
async def served(
    servers: EmbeddedServers, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """Limits that depend on the caller's address are off: every case here has the same one."""
    owner = await asyncpg.connect(servers.owner_url)
    home: Path = tmp_path_factory.mktemp("served")
    name = f"gramme_{home.name}"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    app_url, owner_url = (url.rsplit("/", 1)[0] + "/" + name for url in (servers.app_url, servers.owner_url))
    listener = socket.create_server(("127.0.0.1", 0))
    settings = Settings(
        database_url=app_url,
        redis_url=servers.redis_url,
        home=home,
        port=listener.getsockname()[1],
        allowed_origins=f"{ORIGIN}, http://localhost:3000",
        limit_sign_ups=100_000,
        limit_failed_sign_ins=100_000,
        limit_account_failures=100_000,
    )
    address = f"127.0.0.1:{settings.port}"
    async with serving(settings, listener), httpx.AsyncClient(base_url=f"http://{address}", timeout=15) as client:
        yield Served(address, client, owner_url)
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


@pytest.fixture(scope="module")
async def ada(served: Served) -> Caller:
    return await sign_up(served.client, "Ada")


@pytest.fixture
def no_fault(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is sent, the server logs no error: nothing was unforeseen."""
    with caplog.at_level(logging.ERROR):
        yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []
