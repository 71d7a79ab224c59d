"""A client that sends and never reads is stopped by its own socket, before the server keeps much of it."""

import asyncio
import base64
import os

import pytest

from tests.api.conftest import PROTOCOL, Served

PING = bytes([0x89, 0x80 | 125]) + bytes(4) + bytes(125)
FLOOD_BYTES = 64 * 2**20
STUCK_SECONDS = 3


@pytest.mark.attack
async def test_pings_that_nobody_reads_the_answers_of_are_no_longer_read(served: Served) -> None:
    host, port = served.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            f"GET /graphql HTTP/1.1\r\nHost: {served.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n".encode()
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        init = b'{"type":"connection_init"}'
        writer.write(bytes([0x81, 0x80 | len(init)]) + bytes(4) + init)
        await reader.readuntil(b"connection_ack")

        assert await _sent_before_it_is_stuck(writer) < FLOOD_BYTES
    finally:
        writer.transport.abort()


async def _sent_before_it_is_stuck(writer: asyncio.StreamWriter) -> int:
    """How much of FLOOD_BYTES of pings goes out until the other end takes nothing for STUCK_SECONDS."""
    sent = 0
    while sent < FLOOD_BYTES:
        writer.write(PING * 500)
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await writer.drain()
        except TimeoutError:
            return sent
        sent += len(PING) * 500
    return sent
