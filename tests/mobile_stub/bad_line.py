"""A bad line: a TCP proxy that cuts everything that goes through it, without a word, when told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class BadLine:
    """`url` leads through the line to the server."""

    def __init__(self, url: str) -> None:
        self.url = ""
        self._there = urlsplit(url)
        self._open: set[asyncio.Task[None]] = set()

    def cut(self) -> int:
        """Cuts every connection in the middle of whatever it carries; the number of them."""
        for connection in self._open:
            connection.cancel()
        return len(self._open)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._carry(reader, writer))
        self._open.add(connection)
        connection.add_done_callback(self._open.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._there.hostname, self._there.port)
        ways = [asyncio.create_task(_copy(reader, far_writer)), asyncio.create_task(_copy(far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            far_writer.transport.abort()
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(1_024):
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def bad_line(url: str) -> AsyncIterator[BadLine]:
    line = BadLine(url)
    proxy = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.url = "http://{}:{}".format(*proxy.sockets[0].getsockname())
    try:
        yield line
    finally:
        proxy.close()
        line.cut()
