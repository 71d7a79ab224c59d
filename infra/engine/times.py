"""How the writer's connection sends times: a batch has one time and thousands of rows that carry it."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from infra.postgres.connection import Connection

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From where Postgres counts microseconds."""


async def encode_times_once(connection: Connection) -> None:
    """From here on the connection keeps the last encoded times: the driver's own codec costs more than ten integers."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encoded, decoder=_decoded, format="binary"
    )


@lru_cache(maxsize=64)
def _encoded(at: datetime) -> bytes:
    passed = at - EPOCH
    microseconds = (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
    return microseconds.to_bytes(8, "big", signed=True)


def _decoded(encoded: bytes) -> datetime:
    return EPOCH + timedelta(microseconds=int.from_bytes(encoded, "big", signed=True))
