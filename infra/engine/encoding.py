"""How the writer sends what it sends most: the driver's own way costs several times as much.

A batch has one time, which thousands of rows carry. The driver asks of every element of an array whether it is an array
itself; an array as text is one value to it, and Postgres reads it as fast.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import pack, unpack, unpack_from
from uuid import UUID

from infra.postgres.connection import Connection

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From where Postgres counts microseconds."""
DIGIT = 10_000
"""Base of the digits of a numeric."""


async def install(connection: Connection) -> None:
    """From here on the connection keeps the last encoded times, and its numerics are whole numbers, not negative."""
    for name, encoder, decoder in (
        ("timestamptz", _encoded_time, _decoded_time),
        ("numeric", _encoded_whole, _decoded_whole),
    ):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary")


def integers(values: Iterable[int]) -> str:
    """An array of whole numbers as text."""
    return f"{{{str(list(values))[1:-1]}}}"


def uuids(values: Iterable[UUID]) -> str:
    """An array of UUIDs as text."""
    return f"{{{','.join([value.hex for value in values])}}}"


@lru_cache(maxsize=64)
def _encoded_time(at: datetime) -> bytes:
    passed = at - EPOCH
    return pack(">q", (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds)


def _decoded_time(encoded: bytes) -> datetime:
    return EPOCH + timedelta(microseconds=unpack(">q", encoded)[0])


def _encoded_whole(value: int) -> bytes:
    """Count of digits, weight of the first, sign and scale; then the digits, the highest first."""
    if not value:
        return bytes(8)
    digits: list[int] = []
    while value:
        value, digit = divmod(value, DIGIT)
        digits.append(digit)
    return pack(f">{4 + len(digits)}h", len(digits), len(digits) - 1, 0, 0, *reversed(digits))


def _decoded_whole(encoded: bytes) -> int:
    count, weight = unpack_from(">hh", encoded)
    digits = unpack_from(f">{count}h", encoded, 8)
    return sum(digit * DIGIT ** (weight - place) for place, digit in enumerate(digits))
