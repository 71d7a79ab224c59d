"""The readings that are spread over their days, each with the zone whose days these are.

The zone is the one in which the reading first came: a person who moves does not move what was counted before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.footprint.spreading import local_days
from infra.postgres.connection import PooledConnection

_REMEMBER = """
    INSERT INTO long_reading AS known
        (owner, meter, register, starts_at, ends_at, time_zone, first_day, last_day)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[],
                         $7::date[], $8::date[])
    ON CONFLICT (owner, meter, register, starts_at, ends_at) DO UPDATE SET time_zone = known.time_zone
    RETURNING owner, meter, register, starts_at, ends_at, first_day, last_day"""
_NEAR = """
    SELECT owner, meter, register, starts_at, ends_at, first_day, last_day FROM long_reading
    WHERE owner = $1 AND meter = $2 AND register = coalesce($3, register) AND last_day >= $4 AND first_day <= $5"""


@dataclass(frozen=True, slots=True)
class LongReading:
    owner: int
    meter: str
    register: str
    starts_at: datetime
    ends_at: datetime
    first_day: date
    last_day: date

    @property
    def days(self) -> set[date]:
        count = (self.last_day - self.first_day).days + 1
        return {self.first_day + timedelta(days=number) for number in range(count)}


async def remember_long(
    connection: PooledConnection, readings: Iterable[tuple[int, str, str, datetime, datetime, str]]
) -> list[LongReading]:
    """These are of an owner, meter, register, start, end and zone, none of them twice; gives all with their days."""
    rows = []
    for owner, meter, register, starts_at, ends_at, zone in readings:
        days = [day for day, _until in local_days(starts_at, ends_at, ZoneInfo(zone))]
        rows.append((owner, meter, register, starts_at, ends_at, zone, days[0], days[-1]))
    known = await connection.fetch(_REMEMBER, *(list(column) for column in zip(*rows, strict=True))) if rows else []
    return [LongReading(*row.values()) for row in known]


async def long_readings(
    connection: PooledConnection, owner: int, meter: str, register: str | None, first: date, last: date
) -> list[LongReading]:
    """Those of one register, or of all, with a day from `first` to `last`, whether they count or not."""
    return [LongReading(*row.values()) for row in await connection.fetch(_NEAR, owner, meter, register, first, last)]
