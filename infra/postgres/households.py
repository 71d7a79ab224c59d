"""Households: who is in them, and which meters they share. Whatever changes them adds the days from then on up anew."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from domain.errors import InvalidInput, NotFound
from domain.footprint.home import Household, HouseholdMember, HouseholdMeter
from domain.footprint.household import MEMBERS_MAX, METERS_MAX
from domain.ids import new_id
from infra.postgres.connection import Database, PooledConnection, Queryable
from infra.postgres.homes import lock_households
from infra.postgres.meter_readings import add_up_from

CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 12
_METERS = """
    SELECT DISTINCT ON (owner, meter) owner, meter, from_date, household_id, region, time_zone FROM household_meter
    WHERE (owner, meter) IN (SELECT owner, meter FROM household_meter WHERE household_id = $1)
    ORDER BY owner, meter, from_date DESC"""


class _Meter(NamedTuple):
    owner: int
    meter: str
    region: str
    time_zone: str


class PostgresHouseholds:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._pool = database.pool

    async def household_of(self, owner: int) -> Household | None:
        household = await _current(self._pool, owner)
        return await _household(self._pool, household) if household else None

    async def create(self, owner: int, name: str, today: date, now: datetime) -> Household:
        async with self._database.writing(owner) as connection:
            household = new_id(now)
            await lock_households(connection, (household,), (owner,))
            await _require_none(connection, owner)
            code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
            await connection.execute("INSERT INTO household VALUES ($1, $2, $3, $4)", household, name, code, now)
            await connection.execute("INSERT INTO household_member VALUES ($1, $2, $3)", household, owner, today)
            return await _household(connection, household)

    async def join(self, owner: int, code: str, today: date, now: datetime) -> Household:
        async with self._database.writing(owner) as connection:
            household = await connection.fetchval("SELECT id FROM household WHERE invite_code = $1", code)
            if household is None:
                raise NotFound("No household has this code. Ask for it again.")
            await lock_households(connection, (household,), (owner,))
            await _require_none(connection, owner)
            if len((await _household(connection, household)).members) >= MEMBERS_MAX:
                raise InvalidInput(f"A household has at most {MEMBERS_MAX} members.", field="code")
            await connection.execute(
                "INSERT INTO household_member VALUES ($1, $2, $3) "
                "ON CONFLICT (household_id, owner, joined_on) DO UPDATE SET left_on = NULL",
                household,
                owner,
                today,
            )
            await self._add_up(
                connection, [meter for meter, _since in await _shared(connection, household)], today, now
            )
            return await _household(connection, household)

    async def leave(self, owner: int, today: date, now: datetime) -> Household:
        async with self._database.writing(owner) as connection:
            household = await _current(connection, owner)
            if household is None:
                raise NotFound("You are in no household.")
            await lock_households(connection, (household,), (owner,))
            left = await connection.execute(
                "UPDATE household_member SET left_on = $3 WHERE household_id = $1 AND owner = $2 AND left_on IS NULL",
                household,
                owner,
                today,
            )
            if left == "UPDATE 0":
                raise NotFound("You are in no household.")
            meters = await _shared(connection, household)
            for meter, since in meters:
                if meter.owner == owner:
                    await _move(connection, meter, None, max(today, since))
            await self._add_up(connection, [meter for meter, _since in meters], today, now)
            return await _household(connection, household)

    async def assign(
        self, owner: int, meter: str, from_date: date, *, region: str, time_zone: str, now: datetime
    ) -> Household:
        async with self._database.writing(owner) as connection:
            household = await _current(connection, owner)
            if household is None:
                raise NotFound("You are in no household. Create one, or join one with its code.")
            before = await connection.fetch(
                "SELECT DISTINCT household_id FROM household_meter WHERE owner = $1 AND household_id IS NOT NULL", owner
            )
            await lock_households(connection, {household, *(row["household_id"] for row in before)}, (owner,))
            if await _current(connection, owner) != household:
                raise NotFound("You are in no household. Create one, or join one with its code.")
            if not await connection.fetchval(
                "SELECT EXISTS (SELECT 1 FROM meter_register WHERE owner = $1 AND meter = $2)", owner, meter
            ):
                raise NotFound("You have no readings of such a meter.")
            if len((await _household(connection, household)).meters) >= METERS_MAX:
                raise InvalidInput(f"A household shares at most {METERS_MAX} meters.", field="meter")
            shared = _Meter(owner, meter, region, time_zone)
            await _move(connection, shared, household, from_date)
            await self._add_up(connection, [shared], from_date, now)
            return await _household(connection, household)

    async def _add_up(self, connection: PooledConnection, meters: Sequence[_Meter], day: date, now: datetime) -> None:
        """Shares the days of these meters out anew, from `day` on."""
        for meter in meters:
            await add_up_from(connection, meter.owner, meter.meter, day, meter.region, meter.time_zone, now)


async def _current(connection: Queryable, owner: int) -> UUID | None:
    found: UUID | None = await connection.fetchval(
        "SELECT household_id FROM household_member WHERE owner = $1 AND left_on IS NULL", owner
    )
    return found


async def _require_none(connection: PooledConnection, owner: int) -> None:
    if await _current(connection, owner) is not None:
        raise InvalidInput("You are in a household already. Leave it first.")


async def _shared(connection: Queryable, household: UUID) -> list[tuple[_Meter, date]]:
    """The meters that the household has now, and since when."""
    return [
        (_Meter(row["owner"], row["meter"], row["region"], row["time_zone"]), row["from_date"])
        for row in await connection.fetch(_METERS, household)
        if row["household_id"] == household
    ]


async def _move(connection: PooledConnection, meter: _Meter, household: UUID | None, from_date: date) -> None:
    """The meter is of this household from then on, whatever was said of later days."""
    await connection.execute(
        "DELETE FROM household_meter WHERE owner = $1 AND meter = $2 AND from_date >= $3",
        meter.owner,
        meter.meter,
        from_date,
    )
    await connection.execute(
        "INSERT INTO household_meter VALUES ($1, $2, $3, $4, $5, $6)",
        meter.owner,
        meter.meter,
        from_date,
        household,
        meter.region,
        meter.time_zone,
    )


async def _household(connection: Queryable, household: UUID) -> Household:
    row = await connection.fetchrow("SELECT name, invite_code FROM household WHERE id = $1", household)
    assert row is not None
    members = await connection.fetch(
        "SELECT owner, joined_on FROM household_member WHERE household_id = $1 AND left_on IS NULL "
        "ORDER BY joined_on, owner",
        household,
    )
    return Household(
        household,
        row["name"],
        row["invite_code"],
        tuple(HouseholdMember(member["owner"], member["joined_on"]) for member in members),
        tuple(HouseholdMeter(meter.owner, meter.meter, since) for meter, since in await _shared(connection, household)),
    )
