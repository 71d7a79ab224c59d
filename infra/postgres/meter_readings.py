"""What meter readings do to a person's footprint.

A reading is one row by owner, meter, register, start and end. The same again changes nothing; of another value the one
that was told later holds, and the other is kept aside. Readings of one register that overlap in time, whichever files
they came in, are sorted out by `domain/footprint/checks.py` and marked as counted or not. Then every local day that was
touched is added up anew: where the sum differs, its activity is reversed and a new one recorded, so that each interval
counts once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from domain.footprint.checks import INTERVAL_MAX_SECONDS, judge
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.metering import CounterRow, MeterRow, rows_of
from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.spreading import is_long
from domain.ids import new_id
from infra.postgres.connection import PooledConnection
from infra.postgres.factors import PostgresFactors
from infra.postgres.long_readings import long_readings
from infra.postgres.meter_counters import CounterRecording
from infra.postgres.meter_days import MeterDays
from infra.postgres.reading_overlaps import settle_overlaps
from infra.postgres.reading_table import ReadingTable, Written

ROWS_AT_ONCE = 1_000


@dataclass(slots=True)
class _Touched:
    """What one import changed of one register: from the first start to the last end, and the days.

    `contested` is the part of that time in which readings may share it with others.
    """

    start: datetime
    end: datetime
    days: set[date] = field(default_factory=set)
    contested: tuple[datetime, datetime] | None = None

    def add(self, start: datetime, end: datetime, days: Iterable[date]) -> None:
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.days.update(days)

    def contest(self, start: datetime, end: datetime) -> None:
        first, last = self.contested or (start, end)
        self.contested = (min(first, start), max(last, end))


class RegisterChanged(Exception):
    """The text says which register, and what it was."""


_LEARN = """
    WITH said AS (SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
                      AS row (meter, register, commodity, direction, unit)),
    learnt AS (INSERT INTO meter_register SELECT $1, * FROM said ON CONFLICT DO NOTHING)
    SELECT meter, register, known.unit, known.direction
    FROM said JOIN meter_register AS known USING (meter, register)
    WHERE owner = $1 AND (known.commodity, known.direction, known.unit)
        IS DISTINCT FROM (said.commodity, said.direction, said.unit) LIMIT 1"""
_VIEWS = """
    SELECT meter, register, commodity, direction FROM meter_register
    WHERE owner = $1 AND meter = ANY($2) AND direction <> 'EXPORT'"""
_NET_DAYS = """
    SELECT DISTINCT local_date FROM meter_reading
    WHERE owner = $1 AND meter = $2 AND register = $3 AND starts_at >= $4 AND starts_at < $5"""
_DAYS_FROM = """
    SELECT register, min(starts_at) AS first, max(ends_at) AS last, array_agg(DISTINCT local_date) AS days
    FROM meter_reading
    WHERE owner = $1 AND meter = $2 AND local_date >= $3 AND starts_at > $3 - interval '2 days' GROUP BY register"""


class MeterRecording:
    """One file's readings, or those of one moment, within a transaction that holds the lock of the person's home.

    After `close`: `accepted` readings came in, `imported` of them were new or changed, `emissions` is what they added.
    """

    def __init__(
        self,
        connection: PooledConnection,
        owner: int,
        import_id: UUID,
        *,
        region: str,
        time_zone: str,
        now: datetime,
        choice: FactorChoice,
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._region = region
        self._zone = ZoneInfo(time_zone)
        self._now = now
        self._days = MeterDays(connection, owner, region=region, now=now, choice=choice)
        self._counters = CounterRecording(connection, owner, import_id)
        self._readings = ReadingTable(connection, owner, import_id, time_zone)
        self._touched: dict[tuple[str, str], _Touched] = {}
        self.accepted = 0
        self.imported = 0
        self.notes: list[Rejection] = []

    @property
    def emissions(self) -> int:
        return self._days.emissions

    async def merge(self, rows: Sequence[MeterRow]) -> None:
        """Takes in rows, which the judge gave in order of time for each register, none of them twice."""
        await self._learn(rows)
        self._note(rows, await self._readings.write(rows))

    def _note(self, rows: Sequence[MeterRow], written: Sequence[Written]) -> None:
        derived = {(row.meter, row.register) for row in rows if row.is_derived}
        for part in written:
            name = (part.meter, part.register)
            self.imported += 0 if name in derived else part.readings
            touched = self._touched.setdefault(name, _Touched(part.first, part.last))
            touched.add(part.first, part.last, part.days)
            if part.may_overlap:
                touched.contest(part.first, part.last)
        self.accepted += sum(not row.is_derived for row in rows)

    async def merge_counters(self, rows: Sequence[CounterRow]) -> None:
        await self._learn(rows)
        self.imported += await self._counters.merge(rows)
        self.accepted += len(rows)

    async def _learn(self, rows: Sequence[MeterRow] | Sequence[CounterRow]) -> None:
        """Remembers what registers are; raises RegisterChanged where one is not what it was."""
        said = {(row.meter, row.register): row for row in rows}
        changed = await self._connection.fetchrow(
            _LEARN,
            self._owner,
            [row.meter for row in said.values()],
            [row.register for row in said.values()],
            [row.commodity for row in said.values()],
            [row.direction for row in said.values()],
            [row.unit for row in said.values()],
        )
        if changed:
            raise RegisterChanged(
                f"Register {changed['register']} of {changed['meter']} was {changed['direction'].lower()} in "
                f"{changed['unit']} in earlier files and is something else in this one."
            )

    async def touch(self, meter: str, first_day: date) -> None:
        """Has the days of this meter from `first_day` on added up anew."""
        for row in await self._connection.fetch(_DAYS_FROM, self._owner, meter, first_day):
            touched = self._touched.setdefault((meter, row["register"]), _Touched(row["first"], row["last"]))
            touched.add(row["first"], row["last"], row["days"])
        for long in await long_readings(self._connection, self._owner, meter, None, first_day, date.max):
            touched = self._touched.setdefault((meter, long.register), _Touched(long.starts_at, long.ends_at))
            touched.add(long.starts_at, long.ends_at, (day for day in long.days if day >= first_day))

    async def close(self) -> None:
        """Joins counters, settles overlaps and adds the touched days up. Called once, after the last batch.

        Raises NotFound where a factor is missing for all that the file holds, water apart.
        """
        await self._join_counters()
        for (meter, register), touched in self._touched.items():
            await self._settle_overlaps(meter, register, touched)
        for meter in {meter for meter, _register in self._touched}:
            await self._days.housemates.share_by_name(meter, self._region, self._zone.key)
        views = await self._views()
        for (meter, register), touched in self._touched.items():
            await self._days.add_up(meter, register, list(touched.days), views.get((meter, register), ()))
        if replaced := self._readings.replaced:
            text = f"{replaced} readings differ from those of earlier files and were replaced by this one's."
            self.notes.append(Rejection("REPLACED_EARLIER", text, note=True))
        if outdated := self._readings.outdated:
            text = f"{outdated} readings are older than those that earlier files gave for the same time."
            self.notes.append(Rejection("OUTDATED", text, note=True))
        self.notes.extend(self._days.housemates.notes)
        await self._share_theirs()
        for meter, other in sorted(self._days.twins):
            text = f"The meter {other} told the same already: the days that both have wait for you to tell them apart."
            self.notes.append(Rejection("SAME_AS_ANOTHER", text, record=meter, note=True))
        self._note_factors()

    async def _share_theirs(self) -> None:
        """A meter that a housemate sends too is the household's: its owner's days are shared out anew."""
        place = self._region, self._zone.key
        for (owner, meter), first in self._days.housemates.theirs.items():
            since = await self._days.housemates.share(owner, meter, first, *place)
            if since is not None:
                await add_up_from(self._connection, owner, meter, since, *place, self._now)

    def _note_factors(self) -> None:
        missing = self._days.without_factor
        if not self._days.activities and missing.keys() - {Commodity.WATER}:
            raise next(iter(missing.values()))
        for commodity, refusal in missing.items():
            text = f"{commodity.capitalize()} is kept and not counted: {refusal.message}"
            self.notes.append(Rejection("NO_FACTOR", text, note=True))

    async def _join_counters(self) -> None:
        seams = await self._counters.seams()
        self.notes.extend(self._counters.notes)
        self.notes.extend(item for item in seams if isinstance(item, Rejection))
        verdict = judge((item for item in seams if isinstance(item, Reading)), self._now)
        self.notes.extend(replace(item, note=True) for item in verdict.rejections)
        rows = [row._replace(told_at=self._now) for row in rows_of(verdict, self._zone, is_derived=True)]
        for at in range(0, len(rows), ROWS_AT_ONCE):
            piece = rows[at : at + ROWS_AT_ONCE]
            self._note(piece, await self._readings.merge(piece))

    async def _views(self) -> dict[tuple[str, str], list[str]]:
        """For each register of net flow those of use beside it. Days of net beside touched use are touched too."""
        known = await self._connection.fetch(_VIEWS, self._owner, list({meter for meter, _register in self._touched}))
        use: dict[tuple[str, str], list[str]] = {}
        for row in known:
            if row["direction"] == Direction.IMPORT:
                use.setdefault((row["meter"], row["commodity"]), []).append(row["register"])
        views = {}
        for row in known:
            beside = use.get((row["meter"], row["commodity"]), [])
            if row["direction"] == Direction.NET and beside:
                views[row["meter"], row["register"]] = beside
                for register in beside:
                    await self._touch_net(row["meter"], row["register"], register)
        return views

    async def _touch_net(self, meter: str, net: str, use: str) -> None:
        touched = self._touched.get((meter, use))
        if touched is None:
            return
        days = await self._connection.fetch(
            _NET_DAYS, self._owner, meter, net, touched.start - timedelta(seconds=INTERVAL_MAX_SECONDS), touched.end
        )
        spread = await long_readings(self._connection, self._owner, meter, net, min(touched.days), max(touched.days))
        if days or spread:
            self._touched.setdefault((meter, net), _Touched(touched.start, touched.end)).days.update(
                (row["local_date"] for row in days), *(long.days for long in spread)
            )

    async def _settle_overlaps(self, meter: str, register: str, touched: _Touched) -> None:
        """Marks which readings count where some of them share time, and adds the days whose readings changed sides."""
        if touched.contested is None:
            return
        changed = await settle_overlaps(self._connection, self._owner, meter, register, *touched.contested)
        if changed:
            await self._touch_changed(meter, register, touched, changed)
            text = f"{len(changed)} readings share their time with others of this register, of which one side counts."
            self.notes.append(Rejection("OVERLAP_EARLIER", text, record=f"{meter} {register}", note=True))

    async def _touch_changed(
        self, meter: str, register: str, touched: _Touched, changed: Sequence[asyncpg.Record]
    ) -> None:
        days = {row["local_date"] for row in changed}
        long = {(row["starts_at"], row["ends_at"]) for row in changed if is_long(row["starts_at"], row["ends_at"])}
        if long:
            near = await long_readings(self._connection, self._owner, meter, register, min(days), max(days))
            days.update(*(known.days for known in near if (known.starts_at, known.ends_at) in long))
        touched.days.update(days)


async def add_up_from(
    connection: PooledConnection, owner: int, meter: str, day: date, region: str, time_zone: str, now: datetime
) -> None:
    """Shares the days of a meter out anew, from `day` on."""
    choice = await FactorChoice.of_owner(PostgresFactors.within(connection), owner)
    recording = MeterRecording(
        connection, owner, new_id(now), region=region, time_zone=time_zone, now=now, choice=choice
    )
    await recording.touch(meter, day)
    await recording.close()
