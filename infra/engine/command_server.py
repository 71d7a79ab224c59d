"""The engine's door: API processes send commands here, into the queue of the writer in this process.

A connection sends [number, kind, caller, key, payload, hash] and hears [number, kind, data, state] after the commit, or
[number, null, code] where nothing was decided. [0, ready] comes every second and whenever it changes: an engine that is
silent is taken for dead.
"""

import asyncio
import logging
import socket
from functools import partial
from typing import Any
from uuid import UUID

from domain.commands import Answer
from domain.errors import DomainError, Internal, Overloaded, Unavailable
from infra.engine.channel import Channel, End
from infra.engine.journal import command_of
from infra.engine.queue import LocalQueue, Pending
from infra.tasks import end_task

log = logging.getLogger(__name__)

STATUS_SECONDS = 1.0
PROOF_SECONDS = 5
CONNECTIONS_MAX = 256
STATUS = 0


class CommandServer:
    def __init__(self, queue: LocalQueue, secret: bytes) -> None:
        self._queue = queue
        self._secret = secret
        self._channels: set[_Caller] = set()
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._admit, sock=listener)
        self._queue.watch(self._tell)
        self._task = asyncio.create_task(self._keep_telling(), name="engine-status")

    async def close(self) -> None:
        """For when the writer has ended: everything has its answer by then."""
        if self._server is not None:
            self._server.close()
        if self._task is not None:
            await end_task(self._task)
        for channel in list(self._channels):
            channel.finish()

    @property
    def connections(self) -> int:
        return sum(channel.is_open for channel in self._channels)

    def _admit(self) -> "_Caller":
        channel = _Caller(self._queue, self._secret, self._channels)
        if len(self._channels) < CONNECTIONS_MAX:
            self._channels.add(channel)
            asyncio.get_running_loop().call_later(PROOF_SECONDS, channel.prove_or_go)
        return channel

    def _tell(self) -> None:
        for channel in self._channels:
            channel.tell_status()

    async def _keep_telling(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(STATUS_SECONDS)


class _Caller(Channel):
    """One API process; only one that stands in `known` is heard."""

    def __init__(self, queue: LocalQueue, secret: bytes, known: "set[_Caller]") -> None:
        super().__init__(End.ENGINE, secret)
        self._queue = queue
        self._known = known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self not in self._known:
            self.hang_up()

    def prove_or_go(self) -> None:
        if not self.is_open:
            self.hang_up()

    def tell_status(self) -> None:
        if self.is_open:
            self.send((STATUS, self._queue.is_open))

    def opened(self) -> None:
        self.tell_status()

    def lost(self) -> None:
        self._known.discard(self)

    def received(self, values: list[Any]) -> None:
        for value in values:
            self._take_in(*value)

    def _take_in(self, number: int, kind: str, caller: int, key: str | None, payload: str, payload_hash: str) -> None:
        answer: asyncio.Future[Answer] = self._loop.create_future()
        try:
            command = command_of(kind, caller, None if key is None else UUID(key), payload)
            self._queue.put(Pending(command, payload, bytes.fromhex(payload_hash), answer))
        except (Overloaded, Unavailable) as refusal:
            self.send((number, None, refusal.code))
        except (LookupError, TypeError, ValueError):
            log.exception("A command that this version cannot read: %s", kind)
            self.send((number, None, Internal.code))
        else:
            answer.add_done_callback(partial(self._answer, number))

    def _answer(self, number: int, done: "asyncio.Future[Answer]") -> None:
        error = done.exception()
        if error is None:
            answer = done.result()
            self.send((number, answer.kind, answer.data, answer.state))
        else:
            self.send((number, None, error.code if isinstance(error, DomainError) else Internal.code))
