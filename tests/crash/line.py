"""GraphQL over one HTTP/1.1 connection: as little client as there can be, so that the server gets the processor."""

import asyncio
import contextlib
import json
from typing import Any

TIMEOUT_SECONDS = 20


class Lost(Exception):
    """The connection ended before a whole answer came; its text says how."""


class Line:
    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, document: str, variables: dict[str, Any], token: str) -> dict[str, Any]:
        """The answer's JSON, over a new connection where the server has closed an idle one. Raises Lost."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: {self._host}:{self._port}\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if self._streams is None or self._streams[0].at_eof():
                    await self.hang_up()
                    self._streams = await asyncio.open_connection(self._host, self._port)
                reader, writer = self._streams
                writer.write(head.encode() + body)
                answer: dict[str, Any] = json.loads(await _read_body(reader))
                return answer
        except (OSError, EOFError, TimeoutError) as error:
            await self.hang_up()
            raise Lost(type(error).__name__) from error

    async def hang_up(self) -> None:
        if self._streams is not None:
            (_, writer), self._streams = self._streams, None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
    return await reader.readexactly(int(length.partition(":")[2]))
