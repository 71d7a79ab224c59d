"""The GraphQL view: POST with JSON, server-sent events for streams, and sockets, on one path.

What a request may look like is settled in `middleware.py` and `graphql_request.py`, what a document may ask for in
`schema/document_limits.py`, what errors tell in `graphql_errors.py`.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from copy import copy
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar, cast

import orjson
from graphql import OperationType, get_operation_ast
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.streaming import SSETransport, merge_stream_with_heartbeat
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.execution import ExecutionResult
from strawberry.types.unset import UNSET, UnsetType

from api.authentication import authenticate, until_over
from api.graphql_errors import error_of, told
from api.graphql_request import BadRequest, OperationRequest, operation_request, read_json
from api.graphql_socket import OPERATIONS_AT_ONCE, Socket, SocketAdapter, SocketHandler, connect
from api.resources import Resources
from api.settings import Settings, SettingsError
from domain.errors import Unauthenticated
from domain.identity.model import Viewer
from schema.context import RequestContext
from schema.document_limits import refusal
from schema.documents import DocumentRefused, Documents, JudgedDocument
from schema.root import Schema

INIT_SECONDS = 5
ANSWER_SECONDS = 30
"""The longest that a query or mutation may take; a client that hears UNAVAILABLE sends the same key again."""

Item = TypeVar("Item")


class GraphQLView(GraphQL[Any, None]):
    """An ASGI application. Strawberry's view serves the sockets, with our handler; HTTP is answered here."""

    websocket_adapter_class = SocketAdapter
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(self, schema: Schema, settings: Settings) -> None:
        self._settings = settings
        self._documents = Documents(schema._schema, settings.development)
        judged = copy(schema)
        judged.extensions = (*schema.extensions, lambda: JudgedDocument(self._documents))
        try:
            super().__init__(
                judged,
                subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
                connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
                max_subscriptions_per_connection=OPERATIONS_AT_ONCE,
                allowed_origins=[origin.strip() for origin in settings.allowed_origins.split(",") if origin.strip()],
            )
        except ValueError as error:
            raise SettingsError(f"GRAMME_ALLOWED_ORIGINS cannot be used: {error}") from error
        self._events = SSETransport()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive=receive, send=send))
            return
        request = Request(scope, receive)
        if request.method == "GET":
            response: Response = HTMLResponse(self.graphql_ide_html)
        else:
            response = await self._respond(request)
        await response(scope, receive, send)

    # ---------------------------------------------------------------- HTTP

    async def _respond(self, request: Request) -> Response:
        streamed = self._events.accepts(request.headers.get("accept", ""))
        resources: Resources = request.app.state.resources
        authorization = request.headers.get("authorization")
        try:
            asked = operation_request(read_json(await request.body()))
            kind = self.judge(asked)
            if kind is OperationType.SUBSCRIPTION and not streamed:
                raise DocumentRefused([refusal("Subscribe over a WebSocket, or with `Accept: text/event-stream`.")])
            viewer = await authenticate(resources.stores, authorization, datetime.now(UTC))
            context = self.context(resources, viewer, _address(request))
            if streamed:
                ending = until_over(resources.stores, authorization, viewer) if viewer else None
                return self._event_stream(until(self.results(asked, context), ending))
            return _json(await self._result(asked, context))
        except BadRequest as refused:
            return _json(ExecutionResult(None, [refused.error]), status_code=400)
        except DocumentRefused as refused:
            failed = ExecutionResult(None, refused.errors)
        except Exception as error:
            failed = ExecutionResult(None, [error_of(error)])
        return self._event_stream(_once(failed)) if streamed else _json(failed)

    async def _result(self, asked: OperationRequest, context: RequestContext) -> ExecutionResult:
        async with asyncio.timeout(ANSWER_SECONDS):
            result = await self.schema.execute(
                asked.query,
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
            )
        return self._coded(result)

    def _event_stream(self, results: AsyncGenerator[ExecutionResult, None]) -> Response:
        async def events() -> AsyncGenerator[str, None]:
            async with aclosing(results):
                try:
                    async for result in results:
                        yield self._events.encode_next(_data_of(result), _text)
                except Unauthenticated as over:
                    yield self._events.encode_next(_data_of(ExecutionResult(None, [error_of(over)])), _text)
            yield self._events.encode_complete()

        merged = merge_stream_with_heartbeat(
            events,
            lambda: self._events.heartbeat_message(_text),
            interval=self._events.heartbeat_interval,
            send_initial_heartbeat=False,
        )
        return StreamingResponse(merged(), headers=self._events.headers)

    # ---------------------------------------------------------------- both

    def judge(self, asked: OperationRequest) -> OperationType:
        """The kind of operation that is asked for. Raises DocumentRefused."""
        operation = get_operation_ast(self._documents.document(asked.query), asked.operation_name)
        if operation is None:
            raise DocumentRefused([refusal("Name in `operationName` which operation of the document is meant.")])
        return operation.operation

    def context(self, resources: Resources, viewer: Viewer | None, address: str) -> RequestContext:
        return RequestContext(
            now=datetime.now(UTC),
            viewer=viewer,
            address=address,
            stores=resources.stores,
            commands=resources.commands,
            streams=resources.streams,
            hasher=resources.hasher,
            limits=resources.limits,
            redemption_minutes=self._settings.redemption_minutes,
        )

    async def results(self, asked: OperationRequest, context: RequestContext) -> AsyncGenerator[ExecutionResult, None]:
        """One result of a query or mutation, each of a subscription; the document has been judged."""
        source = await self.schema.stream(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
        async with aclosing(cast(AsyncGenerator[ExecutionResult, None], source)) as results:
            async for result in results:
                yield self._coded(result)

    def _coded(self, result: ExecutionResult) -> ExecutionResult:
        if result.errors:
            result.errors = told(result.errors, suggestions=self._settings.development)
        return result

    # ---------------------------------------------------------------- sockets

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Socket:
        return Socket(request.app.state.resources, _address(request))

    async def on_ws_connect(self, context: Socket) -> UnsetType:
        await connect(context)
        return cast(UnsetType, UNSET)


async def until(
    source: AsyncGenerator[Item, None], ending: Coroutine[Any, Any, str] | None
) -> AsyncGenerator[Item, None]:
    """The source's items until it ends; raises Unauthenticated when `ending` returns first."""
    over = asyncio.ensure_future(ending) if ending is not None else None
    step: asyncio.Task[Item] | None = None
    try:
        while True:
            step = asyncio.ensure_future(anext(source))
            await asyncio.wait({step} if over is None else {step, over}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done() and over is not None:
                raise Unauthenticated(f"{over.result()}: sign in again.")
            yield step.result()
    except StopAsyncIteration:
        return
    finally:
        await _cancelled(step)
        await _cancelled(over)
        await source.aclose()


async def _cancelled(task: "asyncio.Task[Any] | None") -> None:
    if task is not None and not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _once(result: ExecutionResult) -> AsyncGenerator[ExecutionResult, None]:
    yield result


def _data_of(result: ExecutionResult) -> GraphQLHTTPResponse:
    if result.errors:
        return {"data": result.data, "errors": [error.formatted for error in result.errors]}
    return {"data": result.data}


def _text(data: object) -> str:
    return orjson.dumps(data).decode()


def _json(result: ExecutionResult, status_code: int = 200) -> Response:
    return Response(orjson.dumps(_data_of(result)), status_code=status_code, media_type="application/json")


def _address(connection: HTTPConnection) -> str:
    """The caller's network address; of IPv6 the first 64 bits, which one subscriber has for itself."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(IPv6Address(int(address) >> 64 << 64)) if isinstance(address, IPv6Address) else host
