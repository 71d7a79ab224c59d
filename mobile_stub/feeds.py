"""Public prices over server-sent events: the way for a phone whose network lets no WebSocket through.

Trades resume by cursor and lose none. Ticker and order book show the newest state: after a break they start anew.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
from httpx_sse import SSEError, aconnect_sse

from mobile_stub.client import body_of, graphql_request, result_of
from mobile_stub.errors import NoAnswer, OutOfStep
from mobile_stub.order_book import OrderBookReplica
from mobile_stub.retry import Patience
from mobile_stub.storage import Json

STREAM_TIMEOUT = httpx.Timeout(10.0, read=45.0)
STREAM_ERRORS = (httpx.TransportError, SSEError, NoAnswer)


async def stream(
    http: httpx.AsyncClient, url: str, name: str, variables: Json, token: str | None = None
) -> AsyncGenerator[Any, None]:
    """The root field's values over one connection. Raises STREAM_ERRORS where it breaks, else Refused."""
    request = graphql_request(name, variables)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aconnect_sse(
        http, "POST", f"{url}/graphql", json=request, headers=headers, timeout=STREAM_TIMEOUT
    ) as source:
        if "text/event-stream" not in source.response.headers.get("content-type", ""):
            await source.response.aread()
            result_of(body_of(source.response))
        async for event in source.aiter_sse():
            if event.event == "complete":
                return
            if event.event == "next":
                yield result_of(json.loads(event.data))


class Feeds:
    """The market's streams of one server. `out_of_step` counts how often a book had to be taken anew."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url.rstrip("/")
        self._http = http
        self.out_of_step = 0

    async def ticker(self, symbols: list[str]) -> AsyncGenerator[Json, None]:
        async for value in self._endless("FollowTicker", {"symbols": symbols}):
            yield value

    async def trades(self, symbol: str, after: str | None = None) -> AsyncGenerator[Json, None]:
        """Trades after the cursor, or from now on; from the first one on none is lost and none comes twice."""
        variables = {"symbol": symbol, "after": after}
        async for trade in self._endless("FollowTrades", variables):
            variables["after"] = trade["cursor"]
            yield trade

    async def order_book(self, symbol: str) -> AsyncGenerator[OrderBookReplica, None]:
        """The same replica after each update, in step with the server's checksum; out of step, it starts anew."""
        while True:
            replica = OrderBookReplica()
            try:
                async with aclosing(self._endless("FollowOrderBook", {"symbol": symbol})) as updates:
                    async for update in updates:
                        replica.apply(update)
                        yield replica
            except OutOfStep:
                self.out_of_step += 1
                await asyncio.sleep(Patience().pause(0))

    async def _endless(self, name: str, variables: Json) -> AsyncGenerator[Any, None]:
        """Values of a subscription over as many connections as it takes, each with `variables` as they are then."""
        pauses, attempt = Patience(), 0
        while True:
            try:
                async with aclosing(stream(self._http, self._url, name, variables)) as values:
                    async for value in values:
                        attempt = 0
                        yield value
            except STREAM_ERRORS:
                attempt += 1
            await asyncio.sleep(pauses.pause(attempt))
