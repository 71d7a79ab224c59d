"""What devices tell becomes readings, many people's in one commit; their days are added up from time to time.

A reading is the rise of a counter between two messages (`domain/footprint/counters.py`). Where a counter stands is in
the same transaction as the readings, so a message that is delivered again after a crash changes nothing.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from domain.footprint.checks import HOUSEHOLD_MAX_KW
from domain.footprint.counters import DeviceCounter
from domain.footprint.devices import PairedDevice
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.model import ActivitySource, Direction
from domain.footprint.spreading import is_long
from infra.postgres.connection import Database, PooledConnection
from infra.postgres.factors import PostgresFactors
from infra.postgres.homes import lock_home
from infra.postgres.long_readings import remember_long
from infra.postgres.meter_days import MeterDays

DAYS_AT_ONCE = 500
LISTENING_LOCK = 0x6D717474
"""The letters mqtt; the lock is a session's of Postgres, so it ends with its holder."""

Key: TypeAlias = tuple[UUID, str, str]
"""Device, meter, register."""


class Told(NamedTuple):
    """What one message said of one counter. `meter` names the thing that told it: a pairing may stand for many."""

    device: PairedDevice
    meter: str
    register: str
    direction: Direction
    at: datetime
    kwh: Decimal


class _Row(NamedTuple):
    owner: int
    meter: str
    register: str
    starts_at: datetime
    ends_at: datetime
    direction: str
    value: Decimal
    counted: bool
    local_date: date
    device_id: UUID
    region: str
    time_zone: str


_STANDS = """
    SELECT device_id, meter, register, at, kwh, suspect, suspect_at
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (device_id, meter, register)
    JOIN device_counter AS known USING (device_id, meter, register)
    ORDER BY device_id, meter, register FOR UPDATE OF known"""
_MOVE = """
    INSERT INTO device_counter (device_id, meter, register, at, kwh, suspect, suspect_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::numeric[], $6::numeric[],
                         $7::timestamptz[])
    ON CONFLICT (device_id, meter, register) DO UPDATE
    SET at = excluded.at, kwh = excluded.kwh, suspect = excluded.suspect, suspect_at = excluded.suspect_at"""
_ADD = """
    INSERT INTO meter_reading (owner, meter, register, starts_at, ends_at, commodity, direction, unit, value,
                               implausible, counted, local_date, import_id, told_at)
    SELECT owner, meter, register, starts_at, ends_at, 'ELECTRICITY', direction, 'kWh', value, false, counted,
           local_date, device_id, ends_at
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::numeric[],
                $8::boolean[], $9::date[], $10::uuid[], $11::text[], $12::text[])
        AS row (owner, meter, register, starts_at, ends_at, direction, value, counted, local_date, device_id, region,
                time_zone)
    ON CONFLICT DO NOTHING"""
_LEARN = """
    INSERT INTO meter_register (owner, meter, register, commodity, direction, unit)
    SELECT owner, meter, register, 'ELECTRICITY', direction, 'kWh'
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS row (owner, meter, register, direction)
    ON CONFLICT DO NOTHING"""
_DUE = """
    INSERT INTO meter_day_due AS due (owner, meter, register, local_date, region, version)
    SELECT *, 1 FROM unnest($1::bigint[], $2::text[], $3::text[], $4::date[], $5::text[])
    ON CONFLICT (owner, meter, register, local_date)
        DO UPDATE SET version = due.version + 1, region = excluded.region"""
_TAKE = """
    SELECT owner, meter, register, local_date, region, version FROM meter_day_due
    WHERE owner > $1 ORDER BY owner, meter, register, local_date LIMIT $2"""
_DONE = """
    DELETE FROM meter_day_due AS due USING unnest($2::text[], $3::text[], $4::date[], $5::bigint[])
        AS done (meter, register, local_date, version)
    WHERE owner = $1 AND due.meter = done.meter AND due.register = done.register
        AND due.local_date = done.local_date AND due.version = done.version"""


class DeviceReadings:
    def __init__(self, database: Database) -> None:
        self._pool = database.pool
        self._database = database

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Callable[[], bool] | None]:
        """The right to listen, which one process has at a time: whether it still holds; None where another has it."""
        async with self._pool.acquire() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LISTENING_LOCK):
                yield None
                return
            try:
                yield lambda: not connection.is_closed()
            finally:
                if not connection.is_closed():
                    await connection.execute("SELECT pg_advisory_unlock($1)", LISTENING_LOCK)

    async def record(self, told: Sequence[Told]) -> int:
        """Commits what these messages counted, in their order; gives the number of readings."""
        keys = sorted({_key(item) for item in told})
        async with self._pool.acquire() as connection, connection.transaction():
            stands = {_key_of(row): _counter(row) for row in await connection.fetch(_STANDS, *_columns(keys, 3))}
            before = dict(stands)
            fresh = [item for item in told if _key(item) not in stands]
            rows = [row for item in told if (row := _row(item, stands)) is not None]
            moved = sorted(
                (item for item in stands.items() if before.get(item[0]) != item[1]), key=lambda item: item[0]
            )
            await connection.execute(_MOVE, *_columns([(*key, *_stand(counter)) for key, counter in moved], 7))
            await self._learn(connection, fresh)
            await connection.execute(_ADD, *_columns(rows, len(_Row._fields)))
            await self._mark(connection, rows)
        return len(rows)

    async def _learn(self, connection: PooledConnection, fresh: Iterable[Told]) -> None:
        said = sorted({(item.device.owner, item.meter, item.register, item.direction.value) for item in fresh})
        if said:
            await connection.execute(_LEARN, *_columns(said, 4))

    async def _mark(self, connection: PooledConnection, rows: Sequence[_Row]) -> None:
        """Remembers which days are to be added up, and which readings are spread over theirs."""
        counting = [row for row in rows if row.counted and row.direction == Direction.IMPORT]
        due = {(row.owner, row.meter, row.register, row.local_date): row.region for row in counting}
        regions = {(row.owner, row.meter, row.register): row.region for row in counting}
        long = {
            (row.owner, row.meter, row.register, row.starts_at, row.ends_at, row.time_zone)
            for row in counting
            if is_long(row.starts_at, row.ends_at)
        }
        for known in await remember_long(connection, sorted(long)):
            of = (known.owner, known.meter, known.register)
            due.update(((*of, day), regions[of]) for day in known.days)
        if due:
            await connection.execute(_DUE, *_columns(sorted((*key, region) for key, region in due.items()), 5))

    async def settle(self, now: datetime) -> None:
        """Adds up the days that got readings, person by person. What comes meanwhile makes its day due again."""
        owner = -1
        while rows := await self._pool.fetch(_TAKE, owner, DAYS_AT_ONCE):
            owner = rows[0]["owner"]
            await self._settle(owner, [row for row in rows if row["owner"] == owner], now)

    async def _settle(self, owner: int, due: Sequence[asyncpg.Record], now: datetime) -> None:
        async with self._database.writing(owner) as connection:
            await lock_home(connection, owner)
            choice = await FactorChoice.of_owner(PostgresFactors.within(connection), owner)
            registers: dict[tuple[str, str, str], list[asyncpg.Record]] = {}
            for row in due:
                registers.setdefault((row["meter"], row["register"], row["region"]), []).append(row)
            for (meter, register, region), rows in registers.items():
                days = MeterDays(
                    connection,
                    owner,
                    region=region,
                    now=now,
                    choice=choice,
                    source=ActivitySource.DEVICE,
                )
                await days.add_up(meter, register, [row["local_date"] for row in rows])
            await connection.execute(
                _DONE,
                owner,
                *_columns([(row["meter"], row["register"], row["local_date"], row["version"]) for row in due], 4),
            )


def _row(item: Told, stands: dict[Key, DeviceCounter]) -> _Row | None:
    """The reading that a message makes, if any; moves its counter on."""
    key = _key(item)
    known = stands.get(key)
    if known is None:
        stands[key] = DeviceCounter(item.at, item.kwh)
        return None
    stands[key], counted = known.told(item.at, item.kwh, HOUSEHOLD_MAX_KW)
    if counted is None:
        return None
    device = item.device
    return _Row(
        device.owner,
        item.meter,
        item.register,
        counted.start,
        counted.end,
        item.direction.value,
        counted.kwh,
        not device.is_within_meter,
        counted.start.astimezone(ZoneInfo(device.time_zone)).date(),
        device.id,
        device.region,
        device.time_zone,
    )


def _key(item: Told) -> Key:
    return item.device.id, item.meter, item.register


def _key_of(row: asyncpg.Record) -> Key:
    return row["device_id"], row["meter"], row["register"]


def _counter(row: asyncpg.Record) -> DeviceCounter:
    return DeviceCounter(row["at"], row["kwh"], row["suspect"], row["suspect_at"])


def _stand(counter: DeviceCounter) -> tuple[datetime, Decimal, Decimal | None, datetime | None]:
    return counter.at, counter.kwh, counter.suspect, counter.suspect_at


def _columns(rows: Sequence[Sequence[object]], width: int) -> list[list[object]]:
    """Rows turned into as many columns, also where there are no rows."""
    return [[row[number] for row in rows] for number in range(width)]
