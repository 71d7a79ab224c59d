"""A person's own events over graphql-transport-ws: replayed from the saved cursor, then live, none lost, none twice.

Each event is applied with its cursor before the next is read. A number that is already applied is dropped, a missing
one is fetched by query. When the stream is silent, the phone asks whether it is truly up to date: what such a question
finds and the stream never brings is counted in `missed`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from gql import GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from mobile_stub.client import Client, result_of
from mobile_stub.documents import document
from mobile_stub.errors import GaveUp, NoAnswer, Refused, SignedOut, Unauthenticated
from mobile_stub.retry import Patience
from mobile_stub.storage import Applied, Json

PROTOCOL = "graphql-transport-ws"
PING_SECONDS = 15
PONG_SECONDS = 10
ANSWER_SECONDS = 5
CLOSE_SECONDS = 1
FIRST_SILENCE_SECONDS = 0.5

_START_ANEW_CODES = frozenset({"RESYNC", "INVALID_CURSOR"})


@dataclass(slots=True)
class StreamFigures:
    """What came which way. `gaps` counts numbers that jumped, `missed` events that only a query brought."""

    pushed: int = 0
    fetched: int = 0
    duplicates: int = 0
    gaps: int = 0
    connections: int = 0
    overdue: set[int] = field(default_factory=set)

    @property
    def missed(self) -> int:
        return len(self.overdue)


class AccountFeed:
    """Follows one person's events into the client's storage; `on_event` is told of each new one once it is applied."""

    def __init__(
        self, client: Client, on_event: Callable[[Json], None] | None = None, *, silence_seconds: float = 10.0
    ) -> None:
        self.figures = StreamFigures()
        self._client = client
        self._on_event = on_event
        self._silence_seconds = silence_seconds
        self._changed = asyncio.Condition()
        self._begins_anywhere = True
        """Without a cursor the server streams from its own now, so that what came just before is asked for."""

    async def follow(self) -> None:
        """Runs until cancelled, over as many connections as it takes. Raises SignedOut when the session is over."""
        pauses, attempt = Patience(), 0
        while True:
            connections = self.figures.connections
            try:
                await self.catch_up()
                await self._listen()
            except Refused as refusal:
                if refusal.code in _START_ANEW_CODES:
                    await self.start_anew()
                elif not isinstance(refusal, Unauthenticated):
                    raise
            except (TransportError, GaveUp, NoAnswer, TimeoutError, OSError):
                pass
            attempt = 0 if self.figures.connections > connections else attempt + 1
            await asyncio.sleep(pauses.pause(attempt))

    async def wait_until(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """Waits for a condition on what the events brought; False when the time is over first."""
        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            return False
        return True

    # ---------------------------------------------------------------- by query

    async def catch_up(self) -> list[int]:
        """Fetches and applies what lies past the cursor; gives the numbers that were new. At a hole it starts anew."""
        new: list[int] = []
        while True:
            cursor, _ = await asyncio.to_thread(self._client.storage.position)
            viewer = await self._client.read("AccountEvents", after=cursor)
            if viewer is None:
                raise SignedOut("the server does not know this phone's session")
            page = viewer["accountEvents"]
            applied = [(edge["node"]["sequence"], await self._apply(edge["node"])) for edge in page["edges"]]
            fresh = [sequence for sequence, what in applied if what is Applied.NEW]
            new += fresh
            self.figures.fetched += len(fresh)
            if any(what is Applied.GAP for _, what in applied):
                self.figures.gaps += 1
                await self.start_anew()
            elif not page["pageInfo"]["hasNextPage"]:
                return new

    async def start_anew(self) -> None:
        """Takes the wallet as it is and forgets the cursor: events are read again from the oldest still kept."""
        viewer = await self._client.read("Wallet")
        await asyncio.to_thread(self._client.storage.replace_balances, viewer["wallet"]["balances"])
        await asyncio.to_thread(self._client.storage.restart_events, None)

    # ---------------------------------------------------------------- by push

    async def _listen(self) -> None:
        """One connection, from the cursor on; returns or raises when it ends."""
        cursor, _ = await asyncio.to_thread(self._client.storage.position)
        transport = WebsocketsTransport(
            url=f"ws{self._client.url.removeprefix('http')}/graphql",
            init_payload={"authorization": f"Bearer {await self._client.bearer()}"},
            subprotocols=[PROTOCOL],
            connect_timeout=ANSWER_SECONDS,
            ack_timeout=ANSWER_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            pong_timeout=PONG_SECONDS,
            connect_args={"close_timeout": CLOSE_SECONDS},
        )
        await transport.connect()
        self.figures.connections += 1
        self._begins_anywhere = cursor is None
        stream = transport.subscribe(GraphQLRequest(document("FollowAccount"), variable_values={"after": cursor}))
        try:
            await self._take_pushed(stream)
        except TransportQueryError as error:
            result_of({"errors": error.errors})
            raise
        finally:
            with contextlib.suppress(TransportError):
                await stream.aclose()
            await transport.close()

    async def _take_pushed(self, stream: AsyncGenerator[Any, None]) -> None:
        while True:
            arriving = asyncio.ensure_future(anext(stream, None))
            try:
                while not (await asyncio.wait({arriving}, timeout=self._patience_with_silence()))[0]:
                    await self._ask_for_silent_loss()
            except BaseException:
                arriving.cancel()
                await asyncio.gather(arriving, return_exceptions=True)
                raise
            result = await arriving
            if result is None:
                return
            await self._take(result_of({"data": result.data, "errors": result.errors}))

    def _patience_with_silence(self) -> float:
        return FIRST_SILENCE_SECONDS if self._begins_anywhere else self._silence_seconds

    async def _ask_for_silent_loss(self) -> None:
        late = await self.catch_up()
        if not self._begins_anywhere:
            self.figures.overdue.update(late)
        self._begins_anywhere = False

    async def _take(self, event: Json) -> None:
        applied = await self._apply(event)
        begins_anywhere, self._begins_anywhere = self._begins_anywhere, False
        if applied is Applied.GAP:
            self.figures.gaps += not begins_anywhere
            await self.catch_up()
        elif applied is Applied.DUPLICATE:
            self.figures.duplicates += 1
            self.figures.overdue.discard(event["sequence"])
        else:
            self.figures.pushed += 1

    async def _apply(self, event: Json) -> Applied:
        applied = await asyncio.to_thread(self._client.storage.apply, event)
        if applied is Applied.NEW:
            if self._on_event is not None:
                self._on_event(event)
            async with self._changed:
                self._changed.notify_all()
        return applied
