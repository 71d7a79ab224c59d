"""The activities that a register's days become: one for each local day and member of the household that shares the
meter, made anew where the sum differs.

A register of net flow counts only where no register of use of the same meter holds the time: they are two views of one
energy, whichever files they came in. A reading over more than a day counts on each of its days, by its time there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

import asyncpg

from domain.errors import NotFound
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.home import Home
from domain.footprint.household import shares_of
from domain.footprint.metering import activities_of
from domain.footprint.model import Activity, ActivitySource, Commodity, MeterDay
from domain.footprint.plausibility import CONFIRMED_GRACE
from domain.footprint.spreading import LONGEST_DAY, DayPart, parts_of
from infra.postgres.connection import PooledConnection
from infra.postgres.footprint import UNKEYED, insert_activities, reverse_activities
from infra.postgres.homes import home_of
from infra.postgres.housemates import Housemates
from infra.postgres.twin_meters import told_by_another

DAYS_AT_ONCE = 1_000

Item = TypeVar("Item")

_USE = "CASE direction WHEN 'NET' THEN greatest(value, 0) ELSE value END"
_DAYS = f"""
    SELECT local_date, max(commodity) AS commodity, max(unit) AS unit, sum({_USE}) AS quantity,
           min(starts_at) AS starts_at, max(ends_at) AS ends_at, bool_or(implausible) AS implausible, NULL AS time_zone
    FROM meter_reading AS reading, (
        SELECT range_agg(tstzrange(starts_at, ends_at)) AS held FROM meter_reading
        WHERE owner = $1 AND meter = $2 AND register = ANY($5::text[]) AND counted
            AND starts_at BETWEEN ($4::date[])[1] - interval '402 days'
                AND ($4::date[])[cardinality($4)] + interval '2 days') AS used
    WHERE owner = $1 AND meter = $2 AND register = $3 AND local_date = ANY($4) AND counted AND direction <> 'EXPORT'
        AND starts_at BETWEEN $4[1] - interval '2 days' AND $4[cardinality($4)] + interval '2 days'
        AND (held IS NULL OR NOT tstzrange(starts_at, ends_at) && held)
        AND NOT (ends_at - starts_at > $6 AND EXISTS (
            SELECT FROM long_reading AS long WHERE long.owner = $1 AND long.meter = $2 AND long.register = $3
                AND long.starts_at = reading.starts_at AND long.ends_at = reading.ends_at))
    GROUP BY local_date
    UNION ALL
    SELECT local_date, commodity, unit, {_USE}, starts_at, ends_at, implausible, time_zone
    FROM long_reading AS long JOIN meter_reading USING (owner, meter, register, starts_at, ends_at)
    WHERE owner = $1 AND meter = $2 AND register = $3 AND counted AND direction <> 'EXPORT'
        AND first_day <= ($4::date[])[cardinality($4)] AND last_day >= ($4::date[])[1]
        AND NOT EXISTS (
            SELECT FROM meter_reading AS used
            WHERE used.owner = $1 AND used.meter = $2 AND used.register = ANY($5) AND used.counted
                AND used.starts_at BETWEEN long.starts_at - interval '402 days' AND long.ends_at
                AND used.starts_at < long.ends_at AND used.ends_at > long.starts_at)"""
_OLD_DAYS = """
    SELECT day.local_date, day.member, day.activity_id, quantity, unit, started_at, ended_at, status, answered,
           shared_by
    FROM meter_day AS day JOIN activity ON activity.owner = day.member AND activity.id = day.activity_id
    WHERE day.owner = $1 AND meter = $2 AND register = $3 AND day.local_date = ANY($4)"""

_CONFIRMED = """
    SELECT max(quantity) FROM meter_day AS day JOIN activity ON activity.owner = day.member AND id = activity_id
    WHERE day.owner = $1 AND meter = $2 AND register = $3 AND answered AND status = 'COUNTED'"""


class MeterDays:
    """Within a transaction that holds the lock of the person's home. `emissions` is what was added so far to theirs.

    `twins` has the names of meters whose days wait for an answer, each with the one that told the same.
    """

    def __init__(
        self,
        connection: PooledConnection,
        owner: int,
        *,
        region: str,
        now: datetime,
        choice: FactorChoice,
        source: ActivitySource = ActivitySource.METER,
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._region = region
        self._now = now
        self._choice = choice
        self._source = source
        self.emissions = 0
        self.activities = 0
        self.twins: set[tuple[str, str]] = set()
        self.housemates = Housemates(connection, owner)
        self._homes: dict[str, Home] = {}
        self.without_factor: dict[Commodity, NotFound] = {}

    async def add_up(self, meter: str, register: str, days: Sequence[date], instead: Sequence[str] = ()) -> None:
        """Makes the activities of these days what their counted readings say.

        Where a register of `instead` holds the time, this one's readings do not count.
        """
        ordered = sorted(days)
        for at in range(0, len(ordered), DAYS_AT_ONCE):
            await self._add_up(meter, register, ordered[at : at + DAYS_AT_ONCE], instead)

    async def _add_up(self, meter: str, register: str, days: Sequence[date], instead: Sequence[str]) -> None:
        owner = self._owner
        key = (owner, meter, register, days)
        old: dict[date, dict[int, asyncpg.Record]] = {}
        for row in await self._connection.fetch(_OLD_DAYS, *key):
            old.setdefault(row["local_date"], {})[row["member"]] = row
        wanted = _meter_days(meter, register, await self._connection.fetch(_DAYS, *key, instead, LONGEST_DAY), days)
        wanted = await self.housemates.without_theirs(meter, register, wanted)
        twins = await told_by_another(self._connection, owner, meter, register, wanted, [owner])
        same = {day: twin.meter for day, twin in twins.items()}
        if same or any(day.implausible or day.is_otherwise_at_home for day in wanted):
            confirmed = await self._connection.fetchval(_CONFIRMED, owner, meter, register)
            wanted = [_in_view_of(replace(day, same_as=same.get(day.day, "")), confirmed) for day in wanted]
            self.twins.update((meter, day.same_as) for day in wanted if day.same_as)
        home = await self._home_of(meter)
        fresh = [day for day in wanted if not _is_same(old.get(day.day, {}), day, home.members_on(day.day))]
        kept = {day.day for day in wanted} - {day.day for day in fresh}
        await self._reverse(meter, register, [row for day in old if day not in kept for row in old[day].values()])
        activities = [
            await self.housemates.by_their_basis(share, members, self._now)
            for activity in await self._activities(fresh)
            for members in (home.members_on(activity.local_date),)
            for share in shares_of(activity, members, self._now)
        ]
        await self._insert(meter, register, activities)
        self.activities += len(wanted) if activities or not fresh else 0

    async def _home_of(self, meter: str) -> Home:
        if meter not in self._homes:
            self._homes[meter] = await home_of(self._connection, self._owner, meter)
        return self._homes[meter]

    async def _reverse(self, meter: str, register: str, rows: Sequence[asyncpg.Record]) -> None:
        for member, gone in _by(rows, lambda row: int(row["member"])).items():
            grams = await reverse_activities(self._connection, member, [row["activity_id"] for row in gone])
            self.emissions -= grams if member == self._owner else 0
        await self._connection.execute(
            "DELETE FROM meter_day WHERE owner = $1 AND meter = $2 AND register = $3 AND local_date = ANY($4)",
            self._owner,
            meter,
            register,
            [row["local_date"] for row in rows],
        )

    async def _insert(self, meter: str, register: str, activities: Sequence[Activity]) -> None:
        for member, shares in _by(activities, lambda activity: activity.owner).items():
            await insert_activities(self._connection, member, [(activity, UNKEYED) for activity in shares])
            self.emissions += sum(activity.emissions for activity in shares) if member == self._owner else 0
        await self._remember(meter, register, activities)

    async def _activities(self, days: Sequence[MeterDay]) -> list[Activity]:
        """None where the region has no factor for what these days used."""
        try:
            return await activities_of(
                self._choice, owner=self._owner, region=self._region, days=days, now=self._now, source=self._source
            )
        except NotFound as refusal:
            self.without_factor.setdefault(days[0].commodity, refusal)
            return []

    async def _remember(self, meter: str, register: str, activities: Sequence[Activity]) -> None:
        await self._connection.execute(
            "INSERT INTO meter_day (owner, meter, register, local_date, activity_id, member) "
            "SELECT $1, $2, $3, * FROM unnest($4::date[], $5::uuid[], $6::bigint[])",
            self._owner,
            meter,
            register,
            [activity.local_date for activity in activities],
            [activity.id for activity in activities],
            [activity.owner for activity in activities],
        )


def _meter_days(meter: str, register: str, rows: Sequence[asyncpg.Record], days: Sequence[date]) -> list[MeterDay]:
    """In order: the sums of short readings, and the parts that long ones have in these days."""
    found: dict[date, MeterDay] = {}
    asked = set(days)
    for row in rows:
        for part in _parts(row):
            if part.day in asked:
                day = _meter_day(meter, register, row, part)
                found[part.day] = found[part.day].with_more(day) if part.day in found else day
    return [found[day] for day in sorted(found)]


def _parts(row: asyncpg.Record) -> Iterable[DayPart]:
    whole = DayPart(row["local_date"], row["starts_at"], row["ends_at"], row["quantity"])
    if row["time_zone"] is None:
        return (whole,)
    return parts_of(whole.starts_at, whole.ends_at, whole.value, ZoneInfo(row["time_zone"]))


def _meter_day(meter: str, register: str, row: asyncpg.Record, part: DayPart) -> MeterDay:
    return MeterDay(
        meter=meter,
        register=register,
        commodity=Commodity(row["commodity"]),
        unit=row["unit"],
        day=part.day,
        quantity=part.value,
        started_at=part.starts_at,
        ended_at=part.ends_at,
        implausible=row["implausible"],
    )


def _in_view_of(day: MeterDay, confirmed: Decimal | None) -> MeterDay:
    """A day that is hardly more than one that the person confirmed is not asked about, nor whether the meter is one."""
    if confirmed is None:
        return day
    implausible = day.implausible and day.quantity > confirmed * CONFIRMED_GRACE
    return replace(day, implausible=implausible, same_as="", is_otherwise_at_home=False)


def _is_same(old: Mapping[int, asyncpg.Record], day: MeterDay, members: Sequence[int]) -> bool:
    """True where every member, and nobody else, has the share that this day gives."""
    if old.keys() != set(members):
        return False
    now = (day.quantity, day.unit, day.started_at, day.ended_at, len(members))
    return all(
        (row["quantity"], row["unit"], row["started_at"], row["ended_at"], row["shared_by"]) == now
        and (row["answered"] or row["status"] == day.status.value)
        for row in old.values()
    )


def _by(items: Iterable[Item], key: Callable[[Item], int]) -> dict[int, list[Item]]:
    """In groups, by person."""
    groups: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
