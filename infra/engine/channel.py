"""The line between an API process and the engine: JSON values in order, many to a frame, from whom the secret knows.

    hello   magic, 16 random bytes                               both ends, at once
    proof   HMAC-SHA256 over the end's name and both hellos      the API first, the engine after it has checked that
    frame   length (4 bytes), BLAKE2b of counter and text under a key of this connection (16 bytes), JSON list

A frame that was changed, repeated or left out ends the connection. Nothing is encrypted: the line is for one machine or
a private network.
"""

import asyncio
import hmac
import secrets
from collections.abc import Sequence
from enum import Enum
from hashlib import blake2b
from typing import Any, cast

import orjson

from infra.engine.states import plain

MAGIC = b"gramme/1"
NONCE_BYTES = 16
HELLO_BYTES = len(MAGIC) + NONCE_BYTES
PROOF_BYTES = 32
LENGTH_BYTES = 4
MARK_BYTES = 16
HEAD_BYTES = LENGTH_BYTES + MARK_BYTES
FRAME_BYTES_MAX = 64 * 2**20
VALUES_PER_FRAME = 512


class End(Enum):
    ENGINE = b"engine"
    API = b"api"


class _Stage(Enum):
    HELLO = HELLO_BYTES
    PROOF = PROOF_BYTES
    OPEN = HEAD_BYTES


class Channel(asyncio.Protocol):
    """One end. A subclass says what happens: `opened`, then `received` for each frame, `lost` in any case."""

    def __init__(self, end: End, secret: bytes) -> None:
        self._end = end
        self._secret = secret
        self._stage = _Stage.HELLO
        self._hello = MAGIC + secrets.token_bytes(NONCE_BYTES)
        self._other_hello = b""
        self._buffer = bytearray()
        self._waiting: list[Any] = []
        self._sent = 0
        self._taken = 0
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    # ------------------------------------------------------------ for subclasses

    def opened(self) -> None:
        """The other end has proved that it knows the secret."""

    def received(self, values: list[Any]) -> None:
        raise NotImplementedError

    def lost(self) -> None:
        """The connection is gone, or never came to be."""

    # ------------------------------------------------------------ sending

    @property
    def is_open(self) -> bool:
        return self._stage is _Stage.OPEN and self._transport is not None

    def send(self, value: Any) -> None:
        """Goes out with everything else that is sent before the event loop comes round again."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(value)

    def finish(self) -> None:
        """Hangs up when everything is sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        values, self._waiting = self._waiting, []
        if self._transport is None:
            return
        for first in range(0, len(values), VALUES_PER_FRAME):
            text = plain(values[first : first + VALUES_PER_FRAME])
            mark = self._mark(self._end, self._sent, text)
            self._sent += 1
            self._transport.write(b"".join((len(text).to_bytes(LENGTH_BYTES, "big"), mark, text)))

    # ------------------------------------------------------------ asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._hello)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.lost()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while self._transport is not None and (taken := self._take()):
                del self._buffer[:taken]
        except ValueError:
            self.hang_up()

    def _take(self) -> int:
        """Bytes used up; 0 where more must come first. Raises ValueError where the other end is not what it must be."""
        if len(self._buffer) < self._stage.value:
            return 0
        if self._stage is _Stage.OPEN:
            return self._take_frame()
        piece = bytes(self._buffer[: self._stage.value])
        if self._stage is _Stage.HELLO:
            self._greet(piece)
        else:
            self._admit(piece)
        return len(piece)

    def _greet(self, hello: bytes) -> None:
        if not hello.startswith(MAGIC):
            raise ValueError("not one of ours")
        self._other_hello = hello
        self._stage = _Stage.PROOF
        if self._end is End.API:
            self._write(self._digest(b"proof", End.API))

    def _admit(self, proof: bytes) -> None:
        other = End.API if self._end is End.ENGINE else End.ENGINE
        if not hmac.compare_digest(proof, self._digest(b"proof", other)):
            raise ValueError("another secret")
        if self._end is End.ENGINE:
            self._write(self._digest(b"proof", End.ENGINE))
        self._keys = {end: self._digest(b"frames", end) for end in End}
        self._stage = _Stage.OPEN
        self.opened()

    def _take_frame(self) -> int:
        length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        if length > FRAME_BYTES_MAX:
            raise ValueError("a frame too large")
        end = HEAD_BYTES + length
        if len(self._buffer) < end:
            return 0
        text = bytes(self._buffer[HEAD_BYTES:end])
        other = End.API if self._end is End.ENGINE else End.ENGINE
        if not hmac.compare_digest(self._buffer[LENGTH_BYTES:HEAD_BYTES], self._mark(other, self._taken, text)):
            raise ValueError("a frame that was not sent so")
        self._taken += 1
        self.received(orjson.loads(text))
        return end

    # ------------------------------------------------------------ keys

    def _digest(self, purpose: bytes, end: End) -> bytes:
        hellos: Sequence[bytes] = (self._hello, self._other_hello)
        engine, api = hellos if self._end is End.ENGINE else reversed(hellos)
        return hmac.digest(self._secret, purpose + b":" + end.value + b":" + engine + api, "sha256")

    def _mark(self, end: End, number: int, text: bytes) -> bytes:
        return blake2b(number.to_bytes(8, "big") + text, digest_size=MARK_BYTES, key=self._keys[end]).digest()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
