"""A TCP line to Postgres that can fail in every way a line can. It reads the protocol as far as it must.

Frontend messages are told apart, so that a COMMIT is one whatever else travels with it; see "Message Formats" in the
Postgres manual. A batch's statement outside of a transaction commits by itself, so it counts as one. Faults at a COMMIT
strike the connection that says `application_name` in its startup, the writer's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

TYPELESS = 8
"""Bytes of the head of a startup message: length and code."""
STARTUP = 196_608
HEAD = 5
CHUNK = 65_536
BATCH = b"INSERT INTO batch "
"""What the statement that writes a batch holds, and no other."""
ONE = b"2\0\0\0\4D\0\0\0\x12\0\1\0\0\0\x08\0\0\0\0\0\0\0\1C\0\0\0\x0dSELECT 1\0Z\0\0\0\5I"
"""What Postgres answers where that statement was carried out: bound, a row with a bigint, complete, ready."""


class AtCommit(Enum):
    """What the line does with the next COMMIT of the writer."""

    PASS = "pass"
    CUT_BEFORE = "cut before"
    """It never arrives."""
    CUT_AFTER = "cut after"
    """It arrives, its answer does not."""
    LIE = "lie"
    """Postgres keeps nothing of the batch, the writer is told that it has committed: a planted bug."""


class PostgresLine:
    def __init__(self, url: str, application_name: str = "gramme-writer") -> None:
        self.at_commit = AtCommit.PASS
        self.delay_seconds = 0.0
        """On the way there, for each piece."""
        self.piece_bytes = CHUNK
        """What is carried at once, in both directions."""
        self.carries = asyncio.Event()
        """While it is not set nothing is carried, and nobody is told."""
        self.carries.set()
        self.struck = 0
        """COMMITs that were not passed on as they came."""
        self._application_name = application_name
        self._parts = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """The address that leads through this line."""
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{login}@127.0.0.1:{port}"))

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        return len(self._connections)

    def cut(self) -> None:
        """Every connection, at once and without a word."""
        for connection in list(self._connections):
            connection.cut()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[str]:
        address = await self.open()
        try:
            yield address
        finally:
            await self.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        except OSError:
            writer.close()
            return
        connection = _Connection(self, self._application_name, writer, back)
        self._connections.add(connection)
        carried = [
            asyncio.create_task(connection.carry_there(reader, back)),
            asyncio.create_task(connection.carry_back(there, writer)),
        ]
        self._tasks.update(carried)
        await asyncio.wait(carried)
        self._tasks.difference_update(carried)
        self._connections.discard(connection)


class _Connection:
    def __init__(
        self,
        line: PostgresLine,
        application_name: str,
        client: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
    ) -> None:
        self._line = line
        self._wanted = b"application_name\0" + application_name.encode() + b"\0"
        self._ends = (client, server)
        self._buffer = b""
        self._is_started = False
        self._is_struck_one = False
        self._awaits_answer = False
        self._batch_statements: set[bytes] = set()
        self._is_in_transaction = False
        self._is_kept_back = False

    def cut(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def carry_there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self._buffer += data
                if self._line.delay_seconds:
                    await asyncio.sleep(self._line.delay_seconds)
                for message in self._messages():
                    if not await self._pass(message, writer):
                        return
        writer.close()

    async def carry_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._awaits_answer:
                    self.cut()
                    return
                await self._write(data, writer)
        writer.close()

    async def _pass(self, message: bytes, writer: asyncio.StreamWriter) -> bool:
        """False where the connection ended at this message."""
        if self._is_kept_back:
            if message[:1] == b"S":
                self._is_kept_back = False
                await self._write(ONE, self._ends[0])
            return True
        if self._is_struck_one and self._commits(message) and self._line.at_commit is not AtCommit.PASS:
            fault, self._line.at_commit = self._line.at_commit, AtCommit.PASS
            self._line.struck += 1
            if fault is AtCommit.CUT_BEFORE:
                self.cut()
                return False
            if fault is AtCommit.CUT_AFTER:
                self._awaits_answer = True
            elif message[:1] == b"B":
                self._is_kept_back = True
                return True
            else:
                message = _query(b"ROLLBACK;")
        await self._write(message, writer)
        return True

    def _commits(self, message: bytes) -> bool:
        """A COMMIT as a simple query, or a batch's statement that is bound where no transaction is open."""
        kind, body = message[:1], message[HEAD:]
        if kind == b"P" and BATCH in body:
            self._batch_statements.add(body.partition(b"\0")[0])
        elif kind == b"Q":
            self._is_in_transaction = body.startswith(b"BEGIN")
            return body.startswith(b"COMMIT")
        elif kind == b"B" and not self._is_in_transaction:
            _portal, statement, _ = body.split(b"\0", 2)
            return statement in self._batch_statements
        return False

    async def _write(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        await self._line.carries.wait()
        size = self._line.piece_bytes
        for first in range(0, len(data), size):
            writer.write(data[first : first + size])
            if size < CHUNK:
                await asyncio.sleep(0)
        await writer.drain()

    def _messages(self) -> list[bytes]:
        """Whole messages out of the buffer; those before the startup have no type."""
        messages = []
        while True:
            head = HEAD if self._is_started else TYPELESS
            if len(self._buffer) < head:
                return messages
            start = 1 if self._is_started else 0
            end = start + int.from_bytes(self._buffer[start : start + 4], "big")
            if len(self._buffer) < end:
                return messages
            message, self._buffer = self._buffer[:end], self._buffer[end:]
            if not self._is_started and int.from_bytes(message[4:8], "big") == STARTUP:
                self._is_started = True
                self._is_struck_one = self._wanted in message
            messages.append(message)


def _query(text: bytes) -> bytes:
    return b"Q" + (len(text) + 5).to_bytes(4, "big") + text + b"\0"
