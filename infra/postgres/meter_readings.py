"""What meter readings do to a person's footprint.

A reading is one row by owner, meter, register, start and end. The same again changes nothing, another value replaces
the old one, which is kept aside. Readings of one register that overlap in time, whichever files they came in, are
sorted out by `domain/footprint/checks.py` and marked as counted or not. Then every local day that was touched is added
up anew: where the sum differs, its activity is reversed and a new one recorded, so that each interval counts once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg

from domain.footprint.checks import INTERVAL_MAX_SECONDS, Interval, without_overlaps
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.metering import MeterRow, activities_of
from domain.footprint.model import Activity, ActivityStatus, Commodity, MeterDay, Rejection
from domain.footprint.plausibility import CONFIRMED_GRACE
from infra.postgres.connection import PooledConnection
from infra.postgres.footprint import UNKEYED, insert_activities, reverse_activities

OVERLAPPING_MAX = 200_000
DAYS_AT_ONCE = 1_000


@dataclass(slots=True)
class _Touched:
    """What one import changed of one register: from the first start to the last end, and the days."""

    start: datetime
    end: datetime
    days: set[date] = field(default_factory=set)


class TooManyOverlaps(Exception):
    pass


_MERGE = """
    WITH incoming AS (
        SELECT * FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[],
                             $9::text[], $10::numeric[], $11::boolean[], $12::date[])
            AS row (meter, register, starts_at, ends_at, commodity, direction, unit, value, implausible, local_date)),
    kept_aside AS (
        INSERT INTO replaced_reading
        SELECT $1, meter, register, starts_at, ends_at, old.value, old.unit, old.import_id, $2
        FROM incoming CROSS JOIN LATERAL (
            SELECT value, unit, import_id FROM meter_reading AS reading
            WHERE reading.owner = $1 AND reading.meter = incoming.meter AND reading.register = incoming.register
                AND reading.starts_at = incoming.starts_at AND reading.ends_at = incoming.ends_at LIMIT 1) AS old
        WHERE (old.value, old.unit) IS DISTINCT FROM (incoming.value, incoming.unit)
        RETURNING 1),
    written AS (
        INSERT INTO meter_reading AS reading (owner, meter, register, starts_at, ends_at, commodity, direction, unit,
                                              value, implausible, counted, local_date, import_id)
        SELECT $1, meter, register, starts_at, ends_at, commodity, direction, unit, value, implausible, true,
               local_date, $2
        FROM incoming
        ON CONFLICT (owner, meter, register, starts_at, ends_at) DO UPDATE
        SET commodity = excluded.commodity, direction = excluded.direction, unit = excluded.unit,
            value = excluded.value, implausible = excluded.implausible, import_id = excluded.import_id
        WHERE (reading.value, reading.unit) IS DISTINCT FROM (excluded.value, excluded.unit)
        RETURNING reading.meter, reading.register, reading.starts_at, reading.ends_at, reading.local_date)
    SELECT meter, register, local_date, min(starts_at) AS first, max(ends_at) AS last, count(*) AS readings,
           (SELECT count(*) FROM kept_aside) AS replaced
    FROM written GROUP BY meter, register, local_date"""
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
_DAYS = """
    SELECT local_date, max(commodity) AS commodity, max(unit) AS unit,
           sum(CASE direction WHEN 'NET' THEN greatest(value, 0) ELSE value END) AS quantity,
           min(starts_at) AS starts_at, max(ends_at) AS ends_at, bool_or(implausible) AS implausible
    FROM meter_reading
    WHERE owner = $1 AND meter = $2 AND register = $3 AND local_date = ANY($4) AND counted AND direction <> 'EXPORT'
        AND starts_at BETWEEN $4[1] - interval '2 days' AND $4[cardinality($4)] + interval '2 days'
    GROUP BY local_date ORDER BY local_date"""
_OLD_DAYS = """
    SELECT day.local_date, day.activity_id, quantity, unit, started_at, ended_at, status, answered
    FROM meter_day AS day JOIN activity ON activity.owner = day.owner AND activity.id = day.activity_id
    WHERE day.owner = $1 AND meter = $2 AND register = $3 AND day.local_date = ANY($4)"""
_CONFIRMED = """
    SELECT max(quantity) FROM meter_day AS day JOIN activity ON activity.owner = day.owner AND id = activity_id
    WHERE day.owner = $1 AND meter = $2 AND register = $3 AND answered AND status = 'COUNTED'"""


class MeterRecording:
    """One file's readings, or those of one moment, within a transaction that holds the person's footprint lock.

    After `close`: `accepted` readings came in, `imported` of them were new or changed, `emissions` is what they added.
    """

    def __init__(
        self,
        connection: PooledConnection,
        owner: int,
        import_id: UUID,
        *,
        region: str,
        now: datetime,
        choice: FactorChoice,
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._import_id = import_id
        self._region = region
        self._now = now
        self._choice = choice
        self._touched: dict[tuple[str, str], _Touched] = {}
        self._replaced = 0
        self.accepted = 0
        self.imported = 0
        self.emissions = 0
        self.notes: list[Rejection] = []

    async def merge(self, rows: Sequence[MeterRow]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        written = await self._connection.fetch(_MERGE, self._owner, self._import_id, *columns)
        self._replaced += written[0]["replaced"] if written else 0
        for row in written:
            self.imported += row["readings"]
            touched = self._touched.setdefault((row["meter"], row["register"]), _Touched(row["first"], row["last"]))
            touched.start = min(touched.start, row["first"])
            touched.end = max(touched.end, row["last"])
            touched.days.add(row["local_date"])
        self.accepted += len(rows)

    async def close(self) -> None:
        """Settles overlaps and adds the touched days up. Called once, after the last batch."""
        for (meter, register), touched in self._touched.items():
            await self._settle_overlaps(meter, register, touched)
            days = sorted(touched.days)
            for at in range(0, len(days), DAYS_AT_ONCE):
                await self._add_up(meter, register, days[at : at + DAYS_AT_ONCE])
        if self._replaced:
            text = f"{self._replaced} readings differ from those of earlier files and were replaced by this one's."
            self.notes.append(Rejection("REPLACED_EARLIER", text, note=True))

    async def _settle_overlaps(self, meter: str, register: str, touched: _Touched) -> None:
        """Marks which readings count where some of them share time, and adds the days whose readings changed sides."""
        rows = await self._overlapping(meter, register, touched.start, touched.end)
        if not rows:
            return
        intervals = [Interval(int(row["starts_at"].timestamp()), int(row["ends_at"].timestamp())) for row in rows]
        kept, _dropped = await asyncio.to_thread(without_overlaps, intervals)
        counted = set(kept)
        changed = [(row, at in counted) for at, row in enumerate(rows) if row["counted"] != (at in counted)]
        await self._connection.execute(
            _COUNT,
            self._owner,
            meter,
            register,
            [row["starts_at"] for row, _is_counted in changed],
            [row["ends_at"] for row, _is_counted in changed],
            [is_counted for _row, is_counted in changed],
        )
        touched.days.update(row["local_date"] for row, _is_counted in changed)
        if changed:
            text = f"{len(changed)} readings share their time with others of this register, of which one side counts."
            self.notes.append(Rejection("OVERLAP_EARLIER", text, record=f"{meter} {register}", note=True))

    async def _overlapping(self, meter: str, register: str, start: datetime, end: datetime) -> Sequence[asyncpg.Record]:
        """Readings that share time with others, around what was touched; wider until nothing reaches further."""
        while True:
            rows = await self._connection.fetch(
                _OVERLAPPING,
                self._owner,
                meter,
                register,
                start - timedelta(seconds=INTERVAL_MAX_SECONDS),
                end,
                start,
                OVERLAPPING_MAX + 1,
            )
            if len(rows) > OVERLAPPING_MAX:
                raise TooManyOverlaps
            first = min((row["starts_at"] for row in rows), default=start)
            last = max((row["ends_at"] for row in rows), default=end)
            if first >= start and last <= end:
                return rows
            start, end = min(first, start), max(last, end)

    async def _add_up(self, meter: str, register: str, days: Sequence[date]) -> None:
        """Makes the activities of these days what their counted readings say."""
        owner = self._owner
        key = (owner, meter, register, days)
        old = {row["local_date"]: row for row in await self._connection.fetch(_OLD_DAYS, *key)}
        wanted = [_meter_day(meter, register, row) for row in await self._connection.fetch(_DAYS, *key)]
        if any(day.implausible for day in wanted):
            confirmed = await self._connection.fetchval(_CONFIRMED, self._owner, meter, register)
            wanted = [_in_view_of(day, confirmed) for day in wanted]
        fresh = [day for day in wanted if not (day.day in old and _is_same(old[day.day], day))]
        kept = {day.day for day in wanted} - {day.day for day in fresh}
        gone: list[UUID] = [row["activity_id"] for day, row in old.items() if day not in kept]
        if gone:
            self.emissions -= await reverse_activities(self._connection, owner, gone)
            await self._connection.execute(
                "DELETE FROM meter_day WHERE owner = $1 AND activity_id = ANY($2) AND meter = $3 AND register = $4",
                owner,
                gone,
                meter,
                register,
            )
        activities = await activities_of(self._choice, owner=owner, region=self._region, days=fresh, now=self._now)
        await insert_activities(self._connection, owner, [(activity, UNKEYED) for activity in activities])
        await self._remember(meter, register, activities)
        self.emissions += sum(activity.emissions for activity in activities)

    async def _remember(self, meter: str, register: str, activities: Sequence[Activity]) -> None:
        await self._connection.execute(
            "INSERT INTO meter_day (owner, meter, register, local_date, activity_id) "
            "SELECT $1, $2, $3, * FROM unnest($4::date[], $5::uuid[])",
            self._owner,
            meter,
            register,
            [activity.local_date for activity in activities],
            [activity.id for activity in activities],
        )


def _meter_day(meter: str, register: str, row: asyncpg.Record) -> MeterDay:
    return MeterDay(
        meter=meter,
        register=register,
        commodity=Commodity(row["commodity"]),
        unit=row["unit"],
        day=row["local_date"],
        quantity=row["quantity"],
        started_at=row["starts_at"],
        ended_at=row["ends_at"],
        implausible=row["implausible"],
    )


def _in_view_of(day: MeterDay, confirmed: Decimal | None) -> MeterDay:
    """A day that is hardly more than one which the person confirmed is not asked about."""
    if confirmed is None or day.quantity > confirmed * CONFIRMED_GRACE:
        return day
    return replace(day, implausible=False)


def _is_same(old: asyncpg.Record, day: MeterDay) -> bool:
    before = (old["quantity"], old["unit"], old["started_at"], old["ended_at"])
    if before != (day.quantity, day.unit, day.started_at, day.ended_at):
        return False
    status = ActivityStatus.QUARANTINED if day.implausible else ActivityStatus.COUNTED
    return bool(old["answered"]) or old["status"] == status.value
