"""The account's stream when a server repeats, skips, cuts and forgets: this one does so on purpose.

It speaks graphql-transport-ws and GraphQL over HTTP on one real port; what it misbehaves in is its script.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from mobile_stub.client import Client
from mobile_stub.live import AccountFeed
from mobile_stub.storage import Storage
from tests.mobile_stub.loopback import loopback
from tests.mobile_stub.test_client import session
from tests.mobile_stub.test_storage import balance_event

Json = dict[str, Any]
HANG_UP = "hang up"
GO_QUIET = "go quiet"


class Server:
    """`history` is what queries show; `connections` what each WebSocket does: events, error lists, or a last act."""

    def __init__(self) -> None:
        self.history: list[Json] = []
        self.connections: list[list[Any]] = []
        self.subscribed_after: list[str | None] = []
        self.authorizations: list[str] = []
        self.url = ""

    async def post(self, request: Request) -> JSONResponse:
        asked = await request.json()
        if asked["operationName"] == "Wallet":
            balance = {"asset": {"code": "GBP", "kind": "MONEY"}, "available": 12_345, "held": 0}
            return JSONResponse({"data": {"viewer": {"wallet": {"balances": [balance]}}}})
        after = asked["variables"]["after"]
        past = [event for event in self.history if after is None or event["sequence"] > int(after.split("-")[1])]
        edges = [{"node": event} for event in past[:2]]
        page = {"edges": edges, "pageInfo": {"hasNextPage": len(past) > 2}}
        return JSONResponse({"data": {"viewer": {"accountEvents": page}}})

    async def socket(self, socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        self.authorizations.append((await socket.receive_json())["payload"]["authorization"])
        await socket.send_json({"type": "connection_ack"})
        subscribe = await socket.receive_json()
        self.subscribed_after.append(subscribe["payload"]["variables"]["after"])
        for act in self.connections.pop(0) if self.connections else [GO_QUIET]:
            if act == HANG_UP:
                await socket.close(1011)
            elif act == GO_QUIET:
                with suppress(WebSocketDisconnect):
                    while True:
                        await socket.receive_json()
            elif isinstance(act, list):
                await socket.send_json({"type": "error", "id": subscribe["id"], "payload": act})
            else:
                payload = {"data": {"accountEvents": act}}
                await socket.send_json({"type": "next", "id": subscribe["id"], "payload": payload})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    fake = Server()
    app = Starlette(routes=[Route("/graphql", fake.post, methods=["POST"]), WebSocketRoute("/graphql", fake.socket)])
    async with loopback(app) as fake.url:
        yield fake


@pytest.fixture
async def feed(server: Server, tmp_path: Path) -> AsyncIterator[AccountFeed]:
    storage = Storage(tmp_path / "phone.sqlite")
    storage.save_note("session", session("token"))
    async with httpx.AsyncClient() as http:
        yield AccountFeed(Client(server.url, storage, http), silence_seconds=60)
    storage.close()


@asynccontextmanager
async def following(feed: AccountFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def at(feed: AccountFeed, sequence: int) -> Callable[[], bool]:
    return lambda: feed._client.storage.position()[1] == sequence


def events(first: int, last: int) -> list[Json]:
    return [balance_event(number, 100 * number, 0) for number in range(first, last + 1)]


async def test_what_was_missed_is_fetched_before_the_stream(server: Server, feed: AccountFeed) -> None:
    server.history = events(1, 5)
    server.connections = [[*events(6, 7), GO_QUIET]]
    async with following(feed):
        assert await feed.wait_until(at(feed, 7), 5)
    assert (feed.figures.fetched, feed.figures.pushed, feed.figures.gaps) == (5, 2, 0)
    assert server.subscribed_after == ["cursor-5"]
    assert server.authorizations == ["Bearer token"]


async def test_repeated_events_count_once(server: Server, feed: AccountFeed) -> None:
    server.connections = [[*events(1, 3), *events(2, 3), *events(4, 4), GO_QUIET]]
    async with following(feed):
        assert await feed.wait_until(at(feed, 4), 5)
    assert (feed.figures.pushed, feed.figures.duplicates) == (4, 2)


async def test_a_jump_in_the_numbers_is_filled_by_query(server: Server, feed: AccountFeed) -> None:
    def reveal(event: Json) -> None:
        if event["sequence"] == 1:
            server.history = events(1, 4)

    feed._on_event = reveal
    server.connections = [[*events(1, 1), *events(4, 4), GO_QUIET]]
    async with following(feed):
        assert await feed.wait_until(at(feed, 4), 5)
    assert (feed.figures.gaps, feed.figures.pushed, feed.figures.fetched) == (1, 1, 3)


async def test_a_cut_stream_resumes_at_the_cursor(server: Server, feed: AccountFeed) -> None:
    server.connections = [[*events(1, 2), HANG_UP], [*events(3, 3), HANG_UP], [*events(4, 4), GO_QUIET]]
    async with following(feed):
        assert await feed.wait_until(at(feed, 4), 10)
    assert server.subscribed_after == [None, "cursor-2", "cursor-3"]
    assert (feed.figures.pushed, feed.figures.gaps, feed.figures.connections) == (4, 0, 3)


async def test_resync_starts_anew_from_the_wallet(server: Server, feed: AccountFeed) -> None:
    server.connections = [
        [*events(1, 2), HANG_UP],
        [[{"message": "too old", "extensions": {"code": "RESYNC"}}], GO_QUIET],
        [*events(42, 42), GO_QUIET],
    ]
    async with following(feed):
        assert await feed.wait_until(at(feed, 2), 5)
        assert await feed.wait_until(at(feed, 42), 10)
    assert server.subscribed_after == [None, "cursor-2", None]
    assert feed._client.storage.balances()["GBP"].available == 4_200


async def test_a_silent_stream_is_found_out(server: Server, feed: AccountFeed) -> None:
    feed._silence_seconds = 0.3
    server.connections = [[*events(1, 1), GO_QUIET]]
    async with following(feed):
        assert await feed.wait_until(at(feed, 1), 5)
        server.history = events(1, 3)
        assert await feed.wait_until(at(feed, 3), 5)
        await asyncio.sleep(0.2)
    assert feed.figures.missed == 2


async def test_waiting_for_what_never_comes_ends(feed: AccountFeed) -> None:
    assert not await feed.wait_until(lambda: False, 0.05)
