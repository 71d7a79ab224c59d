"""What holds before any route runs: a request's id, its headers, and which requests reach GraphQL. Plain ASGI."""

import asyncio
import secrets
from contextvars import ContextVar

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRAPHQL_PATH = "/graphql"
BODY_BYTES_MAX = 262_144
READ_BYTES_MAX = 1_048_576
"""A body up to here is read to its end before it is refused, since a connection cut earlier may lose the answer."""
BODY_SECONDS = 10

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

request_id: ContextVar[str] = ContextVar("request_id", default="-")


class RequestIds:
    """A new id for each request and socket, told in `X-Request-Id` and in the log beside a fault.

    A caller's own is not taken: it would put their words into our log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        token = request_id.set(secrets.token_hex(8))
        try:
            await self.app(scope, receive, _adding(send, {"X-Request-Id": request_id.get()}))
        finally:
            request_id.reset(token)


class SecurityHeaders:
    """`page_path`: where an HTML page that loads its own scripts may be served, which is GraphiQL in development."""

    def __init__(self, app: ASGIApp, page_path: str | None = None) -> None:
        self.app = app
        self.page_path = page_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
        if scope["method"] == "GET" and scope["path"] == self.page_path:
            del headers["Content-Security-Policy"]
        await self.app(scope, receive, _adding(send, headers))


class GraphQLGate:
    """Lets through to GraphQL: POST with a JSON body of bounded size that arrives in time; `page`: and GET, for a page.

    A browser cannot send such a POST to another site without asking first, and nothing here allows it to: that is the
    guard against forged requests. Sockets pass; their view checks the origin.
    """

    def __init__(self, app: ASGIApp, page: bool = False) -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != GRAPHQL_PATH or (self.page and scope["method"] == "GET"):
            await self.app(scope, receive, send)
            return
        refused = _refused_by_headers(scope["method"], Headers(scope=scope))
        if refused is None:
            body = await _body(receive)
            if isinstance(body, bytes):
                await self.app(scope, _replayed(body, receive), send)
                return
            refused = body
        await refused(scope, receive, send)


def _refused_by_headers(method: str, headers: Headers) -> Response | None:
    if method != "POST":
        return _refusal(405, "GraphQL is asked by POST.", {"Allow": "POST"})
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.replace(" ", "").lower()
    if media_type.strip().lower() != "application/json" or charset not in ("", "charset=utf-8", 'charset="utf-8"'):
        return _refusal(415, "Send `Content-Type: application/json`, in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        return _refusal(415, "Send the body uncompressed.")
    length = headers.get("content-length", "0")
    if length.isdecimal() and (len(length) > 12 or int(length) > READ_BYTES_MAX):
        return _too_large()
    return None


async def _body(receive: Receive) -> bytes | Response:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return Response(status_code=400)
                chunk = message.get("body", b"")
                size += len(chunk)
                if size <= BODY_BYTES_MAX:
                    chunks.append(chunk)
                if size > READ_BYTES_MAX or not message.get("more_body", False):
                    return _too_large() if size > BODY_BYTES_MAX else b"".join(chunks)
    except TimeoutError:
        return _refusal(408, "The request did not arrive in time.")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever else happens."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _too_large() -> Response:
    return _refusal(413, f"A request has at most {BODY_BYTES_MAX} bytes. Files are sent to /v1/imports.")


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    error = {"message": message, "extensions": {"code": "DOCUMENT_REFUSED"}}
    content = orjson.dumps({"data": None, "errors": [error]})
    return Response(content, status, {"Connection": "close", **(headers or {})}, "application/json")


def _adding(send: Send, headers: dict[str, str]) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            given = MutableHeaders(scope=message)
            for name, value in headers.items():
                given.setdefault(name, value)
        await send(message)

    return adding
