"""One phone on a WebSocket, graphql-transport-ws: every operation judged, limited and coded as over HTTP.

Strawberry's handler keeps the protocol. Here: what a message may look like, who calls, and when the socket has to go.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.execution import PreExecutionError

from api.authentication import authenticate, until_over
from api.graphql_errors import error_of
from api.graphql_request import BadRequest, operation_request, read_json
from api.resources import Resources
from domain.errors import TooManyRequests, Unauthenticated
from domain.identity.model import Viewer
from infra.postgres.connection import is_unavailable
from schema.documents import DocumentRefused

if TYPE_CHECKING:
    from api.graphql import GraphQLView

FRAME_BYTES_MAX = 65_536
OPERATIONS_AT_ONCE = 20
MESSAGES_A_SECOND = 200


@dataclass
class Socket:
    """What lasts as long as the socket; each operation has a RequestContext of its own."""

    resources: Resources
    address: str
    connection_params: dict[str, object] = field(default_factory=dict)
    viewer: Viewer | None = None

    @property
    def authorization(self) -> object:
        return self.connection_params.get("authorization")

    async def identify(self) -> None:
        """Raises Unauthenticated, also for a token that was good when the socket opened."""
        self.viewer = await authenticate(self.resources.stores, self.authorization, datetime.now(UTC))


class SocketAdapter(ASGIWebSocketAdapter):
    """Text frames of bounded size; what is sent after the end is dropped."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        with suppress(WebSocketDisconnect):
            while self.ws.application_state != WebSocketState.DISCONNECTED:
                message = await self.ws.receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")
                if text is None:
                    await self.close(4400, "WebSocket message type must be text")
                    return
                frame = text.encode("utf-8", "surrogatepass")
                if len(frame) > FRAME_BYTES_MAX:
                    await self.close(1009, "Message too big")
                    return
                try:
                    data = read_json(frame)
                except BadRequest as refused:
                    raise NonJsonMessageReceived from refused
                yield data

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """A second close is none; a reason is cut to what a control frame holds."""
        if self.ws.application_state != WebSocketState.DISCONNECTED:
            with suppress(RuntimeError):
                await self.ws.close(code=code, reason=reason[:100])


class SocketHandler(BaseGraphQLTransportWSHandler[Socket, None]):
    view: "GraphQLView"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._end: asyncio.Task[None] | None = None
        self._second = 0
        self._messages = 0

    async def handle_message(self, message: Message) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            await self.handle_invalid_message("A message is an object with a type")
        elif self._is_flood():
            await self.websocket.close(4429, "Too many messages")
        else:
            await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except Exception as error:
            if not is_unavailable(error):
                raise
            await self.websocket.close(1013, "Try again later")
        if self.connection_acknowledged and self.context.viewer is not None and self._end is None:
            self._end = asyncio.create_task(self._close_when_over(self.context.viewer))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        operation_id, payload = cast(Any, message).get("id"), cast(Any, message).get("payload")
        if not isinstance(operation_id, str) or not operation_id or not isinstance(payload, dict):
            await self.handle_invalid_message("A subscribe message has an id and a payload")
        elif self.connection_acknowledged and len(self.operations) >= OPERATIONS_AT_ONCE:
            refused = TooManyRequests(f"A socket has at most {OPERATIONS_AT_ONCE} operations at a time.")
            await self._send_errors(operation_id, [error_of(refused)])
        else:
            payload.setdefault("query", None)
            await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Socket, None]) -> None:
        try:
            await self._answer(operation)
        except WebSocketDisconnected:
            return
        except Exception as error:
            with suppress(WebSocketDisconnected):
                await operation.send_initial_errors(_errors_of(error))
            if isinstance(error, Unauthenticated):
                await self.websocket.close(4403, "Forbidden")

    async def shutdown(self) -> None:
        if self._end is not None:
            self._end.cancel()
            with suppress(asyncio.CancelledError):
                await self._end
        await super().shutdown()

    async def _answer(self, operation: Operation[Socket, None]) -> None:
        asked = operation_request(
            {
                "query": operation.query,
                "variables": operation.variables,
                "operationName": operation.operation_name,
            }
        )
        self.view.judge(asked)
        await self.context.identify()
        context = self.view.context(self.context.resources, self.context.viewer, self.context.address)
        async with aclosing(self.view.results(asked, context)) as results:
            async for result in results:
                if isinstance(result, PreExecutionError):
                    await operation.send_initial_errors(result.errors or [])
                    return
                await operation.send_next(result)
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    async def _send_errors(self, operation_id: str, errors: list[GraphQLError]) -> None:
        await self.send_message({"id": operation_id, "type": "error", "payload": [e.formatted for e in errors]})

    async def _close_when_over(self, viewer: Viewer) -> None:
        reason = await until_over(self.context.resources.stores, self.context.authorization, viewer)
        await self.websocket.close(4403, reason)

    def _is_flood(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages > MESSAGES_A_SECOND


def _errors_of(error: Exception) -> list[GraphQLError]:
    if isinstance(error, DocumentRefused):
        return error.errors
    return [error.error if isinstance(error, BadRequest) else error_of(error)]


async def connect(socket: Socket) -> None:
    """Raises ConnectionRejectionError, which closes the socket with 4403."""
    try:
        await socket.identify()
    except Unauthenticated as refused:
        raise ConnectionRejectionError from refused
