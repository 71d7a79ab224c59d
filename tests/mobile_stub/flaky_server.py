"""A real HTTP server on a loopback port that answers each request as its script says, or cuts the connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Script = Callable[[Json, dict[str, str]], "Reply"]


@dataclass(frozen=True)
class Reply:
    """`body` None: the connection is cut after the request was read, so that the caller cannot know what happened."""

    body: Json | None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


CUT = Reply(None)


def data(**root: Any) -> Reply:
    return Reply({"data": root})


def error(code: str, **extensions: Any) -> Reply:
    return Reply({"data": None, "errors": [{"message": "no", "extensions": {"code": code, **extensions}}]})


class FlakyServer:
    """`script` is asked for each reply with the request's JSON and headers; `requests` keeps what came in."""

    def __init__(self) -> None:
        self.requests: list[Json] = []
        self.script: Script = lambda request, headers: CUT
        self.url = ""

    def reply_in_turn(self, *replies: Reply) -> None:
        """One reply after the other, the last one for ever."""
        waiting = list(replies)
        self.script = lambda request, headers: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.split(":", 1) for line in head[1:] if line)
                headers = {name.strip().lower(): value.strip() for name, value in pairs}
                request = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.requests.append(request)
                reply = self.script(request, headers)
                if reply.body is None:
                    return
                writer.write(_encoded(reply))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _encoded(reply: Reply) -> bytes:
    body = json.dumps(reply.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def flaky_server() -> AsyncIterator[FlakyServer]:
    flaky = FlakyServer()
    server = await asyncio.start_server(flaky.serve, "127.0.0.1", 0)
    flaky.url = "http://{}:{}".format(*server.sockets[0].getsockname())
    try:
        yield flaky
    finally:
        server.close()
