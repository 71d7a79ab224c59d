"""Readings of one register that share time, whichever files they came in: which of them count."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from domain.footprint.checks import INTERVAL_MAX_SECONDS, Interval, without_overlaps
from infra.postgres.connection import PooledConnection

OVERLAPPING_MAX = 200_000
_OVERLAPPING = """
    SELECT starts_at, ends_at, counted, local_date FROM (
        SELECT starts_at, ends_at, counted, local_date,
               max(ends_at) OVER (by_time ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach,
               lead(starts_at) OVER by_time AS next
        FROM meter_reading
        WHERE owner = $1 AND meter = $2 AND register = $3 AND starts_at >= $4 AND starts_at < $5 AND ends_at > $6
        WINDOW by_time AS (ORDER BY starts_at, ends_at)) AS near
    WHERE starts_at < reach OR next < ends_at ORDER BY starts_at, ends_at LIMIT $7"""
_COUNT = """
    UPDATE meter_reading AS reading SET counted = flag.counted
    FROM unnest($4::timestamptz[], $5::timestamptz[], $6::boolean[]) AS flag (starts_at, ends_at, counted)
    WHERE reading.owner = $1 AND reading.meter = $2 AND reading.register = $3
        AND reading.starts_at = flag.starts_at AND reading.ends_at = flag.ends_at"""


class TooManyOverlaps(Exception):
    pass


async def settle_overlaps(
    connection: PooledConnection, owner: int, meter: str, register: str, start: datetime, end: datetime
) -> list[asyncpg.Record]:
    """Marks which readings count where some of them share this time; gives those that changed sides.

    Raises TooManyOverlaps.
    """
    rows = await _overlapping(connection, owner, meter, register, start, end)
    if not rows:
        return []
    intervals = [Interval(int(row["starts_at"].timestamp()), int(row["ends_at"].timestamp())) for row in rows]
    kept, _dropped = await asyncio.to_thread(without_overlaps, intervals)
    counted = set(kept)
    changed = [(row, at in counted) for at, row in enumerate(rows) if row["counted"] != (at in counted)]
    await connection.execute(
        _COUNT,
        owner,
        meter,
        register,
        [row["starts_at"] for row, _is_counted in changed],
        [row["ends_at"] for row, _is_counted in changed],
        [is_counted for _row, is_counted in changed],
    )
    return [row for row, _is_counted in changed]


async def _overlapping(
    connection: PooledConnection, owner: int, meter: str, register: str, start: datetime, end: datetime
) -> Sequence[asyncpg.Record]:
    """Readings that share time with others, around what was touched; wider until nothing reaches further."""
    while True:
        reach = start - timedelta(seconds=INTERVAL_MAX_SECONDS)
        rows = await connection.fetch(_OVERLAPPING, owner, meter, register, reach, end, start, OVERLAPPING_MAX + 1)
        if len(rows) > OVERLAPPING_MAX:
            raise TooManyOverlaps
        first = min((row["starts_at"] for row in rows), default=start)
        last = max((row["ends_at"] for row in rows), default=end)
        if first >= start and last <= end:
            return rows
        start, end = min(first, start), max(last, end)
