"""How readings get into their table: those that lie past everything known in one stream, the others one by one.

A stream (COPY) cannot meet a row that is there already, so it takes only readings that start when the last known one of
their register has ended. Nothing else of that register can be the same or share their time. Everything earlier is
merged: the same again changes nothing; of another value the one that was told later holds, and the other is kept aside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from domain.footprint.checks import INTERVAL_MAX_SECONDS
from domain.footprint.metering import MeterRow
from domain.footprint.spreading import is_long
from infra.postgres.connection import PooledConnection
from infra.postgres.long_readings import remember_long

STREAM_MIN = 200
"""Fewer rows are merged at once: finding out where the known ones end would cost more."""
_COLUMNS = (
    "owner",
    "meter",
    "register",
    "starts_at",
    "ends_at",
    "commodity",
    "direction",
    "unit",
    "value",
    "implausible",
    "local_date",
    "told_at",
    "counted",
    "import_id",
)
_MERGE = """
    WITH incoming AS (
        SELECT * FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[],
                             $9::text[], $10::numeric[], $11::boolean[], $12::date[], $13::timestamptz[])
            AS row (meter, register, starts_at, ends_at, commodity, direction, unit, value, implausible, local_date,
                    told_at)),
    kept_aside AS (
        INSERT INTO replaced_reading
        SELECT $1, meter, register, starts_at, ends_at, CASE WHEN is_later THEN old.value ELSE incoming.value END, unit,
               CASE WHEN is_later THEN old.import_id ELSE $2 END, CASE WHEN is_later THEN $2 ELSE old.import_id END
        FROM incoming CROSS JOIN LATERAL (
            SELECT value, import_id, coalesce(reading.told_at <= incoming.told_at, true) AS is_later
            FROM meter_reading AS reading
            WHERE reading.owner = $1 AND reading.meter = incoming.meter AND reading.register = incoming.register
                AND reading.starts_at = incoming.starts_at AND reading.ends_at = incoming.ends_at LIMIT 1) AS old
        WHERE old.value <> incoming.value
        RETURNING replaced_by = $2 AS is_later),
    written AS (
        INSERT INTO meter_reading AS reading (owner, meter, register, starts_at, ends_at, commodity, direction, unit,
                                              value, implausible, counted, local_date, import_id, told_at)
        SELECT $1, meter, register, starts_at, ends_at, commodity, direction, unit, value, implausible, true,
               local_date, $2, told_at
        FROM incoming
        ON CONFLICT (owner, meter, register, starts_at, ends_at) DO UPDATE
        SET value = excluded.value, implausible = excluded.implausible, import_id = excluded.import_id,
            told_at = excluded.told_at
        WHERE reading.value <> excluded.value AND coalesce(reading.told_at <= excluded.told_at, true)
        RETURNING reading.meter, reading.register, reading.starts_at, reading.ends_at, reading.local_date),
    days AS (SELECT meter, register, local_date, min(starts_at) AS first, max(ends_at) AS last, count(*) AS readings
             FROM written GROUP BY meter, register, local_date)
    SELECT * FROM (SELECT count(*) FILTER (WHERE is_later) AS replaced,
                          count(*) FILTER (WHERE NOT is_later) AS outdated FROM kept_aside) AS aside
    LEFT JOIN days ON true"""
_KNOWN_END = """
    SELECT max(ends_at) FROM meter_reading
    WHERE owner = $1 AND meter = $2 AND register = $3 AND starts_at > $4"""


@dataclass(frozen=True, slots=True)
class Written:
    """What was new or changed of one register; `may_overlap` where it can share its time with what was known.

    Of long readings without `readings`: all that came, since these are told apart from the rest.
    """

    meter: str
    register: str
    first: datetime
    last: datetime
    days: frozenset[date]
    readings: int
    may_overlap: bool


class ReadingTable:
    """The readings of one import.

    `replaced` counts readings of earlier files that gave way, `outdated` those of this one that did.
    """

    def __init__(self, connection: PooledConnection, owner: int, import_id: UUID, time_zone: str) -> None:
        self._connection = connection
        self._owner = owner
        self._import_id = import_id
        self._time_zone = time_zone
        self.replaced = 0
        self.outdated = 0
        self._known_end: dict[tuple[str, str], datetime] = {}

    async def write(self, rows: Sequence[MeterRow]) -> list[Written]:
        """Rows of one register follow one another in order of time, within and between calls, none of them twice."""
        written: list[Written] = []
        rest: list[MeterRow] = []
        for (meter, register), group in groupby(rows, key=itemgetter(0, 1)):
            of_register = list(group)
            if len(of_register) < STREAM_MIN and (meter, register) not in self._known_end:
                rest += of_register
                continue
            end = await self._end_of_known(meter, register, of_register[0].starts_at)
            past = [row for row in of_register if row.starts_at >= end]
            rest += [row for row in of_register if row.starts_at < end] if len(past) < len(of_register) else []
            if past:
                written.append(await self._stream(past))
        return [*written, *await self._spread(rows), *(await self._merge(rest) if rest else ())]

    async def _end_of_known(self, meter: str, register: str, first: datetime) -> datetime:
        """When the last reading ends that was there before this import."""
        key = (meter, register)
        if key not in self._known_end:
            reach = first - timedelta(seconds=INTERVAL_MAX_SECONDS)
            end = await self._connection.fetchval(_KNOWN_END, self._owner, meter, register, reach)
            self._known_end[key] = end or first
        return self._known_end[key]

    async def _stream(self, rows: Sequence[MeterRow]) -> Written:
        await self._connection.copy_records_to_table("meter_reading", records=self._records(rows), columns=_COLUMNS)
        return Written(
            rows[0].meter,
            rows[0].register,
            rows[0].starts_at,
            max(row.ends_at for row in rows),
            frozenset(row.local_date for row in rows),
            len(rows),
            False,
        )

    def _records(self, rows: Sequence[MeterRow]) -> Iterator[tuple[object, ...]]:
        return ((self._owner, *row[:-1], True, self._import_id) for row in rows)

    async def merge(self, rows: Sequence[MeterRow]) -> list[Written]:
        """The same for rows in any order, which may share their time with any others."""
        return [*await self._spread(rows), *await self._merge(rows)]

    async def _spread(self, rows: Sequence[MeterRow]) -> list[Written]:
        """Remembers the long readings; all of their days are to be added up, also where they were sent before."""
        long = [
            (self._owner, row.meter, row.register, row.starts_at, row.ends_at, self._time_zone)
            for row in rows
            if is_long(row.starts_at, row.ends_at)
        ]
        return [
            Written(known.meter, known.register, known.starts_at, known.ends_at, frozenset(known.days), 0, False)
            for known in await remember_long(self._connection, long)
        ]

    async def _merge(self, rows: Sequence[MeterRow]) -> list[Written]:
        *columns, _is_derived = (list(column) for column in zip(*rows, strict=True))
        found = await self._connection.fetch(_MERGE, self._owner, self._import_id, *columns)
        self.replaced += found[0]["replaced"]
        self.outdated += found[0]["outdated"]
        return [
            Written(
                row["meter"],
                row["register"],
                row["first"],
                row["last"],
                frozenset((row["local_date"],)),
                row["readings"],
                True,
            )
            for row in found
            if row["local_date"] is not None
        ]
