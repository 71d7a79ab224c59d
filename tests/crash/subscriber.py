"""A phone that follows a stream over a WebSocket: keeps its cursor with what it saw, and resumes from it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

ANSWER_SECONDS = 5
AGAIN_SECONDS = 0.1

ACCOUNT_EVENTS = "subscription ($after: Cursor) { accountEvents(after: $after) { cursor sequence } }"
TRADES = """subscription ($symbol: String!, $after: Cursor) {
    trades(symbol: $symbol, after: $after) { cursor sequence } }"""


class Subscriber:
    """`sequences` is everything it was sent, in order, with nothing left out: it drops no duplicate."""

    def __init__(self, url: str, token: str, document: str, variables: dict[str, Any], cursor: str) -> None:
        self.sequences: list[int] = []
        self.connections = 0
        self._url = url
        self._token = token
        self._document = document
        self._variables = variables
        self._cursor = cursor
        self._arrived = asyncio.Event()

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator["Subscriber"]:
        task = asyncio.create_task(self._follow())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, sequence: int, seconds: float) -> None:
        """Waits until it has seen this number, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.sequences or self.sequences[-1] < sequence:
                    self._arrived.clear()
                    await self._arrived.wait()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, websockets.exceptions.WebSocketException):
                async with websockets.connect(
                    self._url,
                    subprotocols=[Subprotocol("graphql-transport-ws")],
                    open_timeout=ANSWER_SECONDS,
                    close_timeout=1,
                ) as connection:
                    self.connections += 1
                    await self._listen(connection)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self, connection: ClientConnection) -> None:
        """Until the connection drops, or the stream ends and is to be asked for again."""
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}}
        await connection.send(json.dumps(init))
        payload = {"query": self._document, "variables": {**self._variables, "after": self._cursor}}
        async for text in connection:
            message = json.loads(text)
            match message["type"]:
                case "connection_ack":
                    await connection.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                case "ping":
                    await connection.send(json.dumps({"type": "pong"}))
                case "next" if not message["payload"].get("errors"):
                    event = next(iter(message["payload"]["data"].values()))
                    self._cursor = event["cursor"]
                    self.sequences.append(event["sequence"])
                    self._arrived.set()
                case "next" | "error" | "complete":
                    _check_passing(message)
                    return


def _check_passing(message: dict[str, Any]) -> None:
    """A stream may end because the server cannot go on for now; any other end is a fault."""
    payload = message.get("payload") or []
    errors = payload if isinstance(payload, list) else payload["errors"]
    codes = {(error.get("extensions") or {}).get("code") for error in errors}
    assert codes <= {"UNAVAILABLE"}, f"the stream ended with {message}"
