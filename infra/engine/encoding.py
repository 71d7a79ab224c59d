"""How the writer sends what it sends most: the driver's own way costs several times as much.

The driver asks of every element of an array whether it is an array itself; an array as text is one value to it, and
Postgres reads it as fast.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import pack, unpack, unpack_from
from typing import Any

import orjson

from infra.postgres.connection import Connection

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From where Postgres counts microseconds."""
DIGIT = 10_000
"""Base of the digits of a numeric."""
BACKSLASH = "\\"
ESCAPED = re.compile(r"\\(u[0-9a-f]{4}|.)")


async def install(connection: Connection) -> None:
    """From here on the connection keeps the last encoded times, and its numerics are whole numbers, not negative."""
    for name, encoder, decoder in (
        ("timestamptz", _encoded_time, _decoded_time),
        ("numeric", _encoded_whole, _decoded_whole),
    ):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary")


def array(values: Sequence[Any]) -> str:
    """An array of numbers, truths, texts, times or UUIDs, or nothing in their place, as text.

    It is their JSON but for the brackets and, where a text has such characters, for how they are escaped.
    """
    text = orjson.dumps(values)[1:-1].decode()
    return f"{{{ESCAPED.sub(_as_in_array, text) if BACKSLASH in text else text}}}"


def lines(texts: Iterable[str]) -> str:
    """Texts without newlines, as one text for `string_to_array`: Postgres copies them, where it reads an array's."""
    return "\n".join(texts)


def _as_in_array(escaped: re.Match[str]) -> str:
    """An array takes what follows a backslash as it is."""
    text = escaped[0]
    return text if text in (r"\"", r"\\") else str(orjson.loads(f'"{text}"'))


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
