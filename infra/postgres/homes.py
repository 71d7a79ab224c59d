"""Who shares which meter, and the locks of all whose footprint a meter's readings may change.

Households are locked before persons, and each kind in order, so that nobody waits for one another in a circle.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.footprint.home import Home, HouseholdMember
from infra.postgres.connection import PooledConnection
from infra.postgres.footprint import lock_footprint

_HOUSEHOLDS = """
    SELECT household_id FROM household_meter WHERE owner = $1 AND household_id IS NOT NULL
    UNION SELECT household_id FROM household_member WHERE owner = $1 ORDER BY household_id"""
_MEMBERS = """
    SELECT day.activity_id, array_agg(shared.member ORDER BY shared.member) AS members
    FROM meter_day AS day JOIN meter_day AS shared USING (owner, meter, register, local_date)
    WHERE day.member = $1 AND day.activity_id = ANY($2) GROUP BY day.activity_id HAVING count(*) > 1"""


async def lock_home(connection: PooledConnection, owner: int) -> None:
    """Until the end of the transaction nobody else writes the footprint of this person or who shares their meters."""
    households: list[UUID] | None = None
    while (known := [row["household_id"] for row in await connection.fetch(_HOUSEHOLDS, owner)]) != households:
        households = known
        await lock_households(connection, households, (owner,))


async def lock_households(connection: PooledConnection, households: Iterable[UUID], owners: Iterable[int]) -> None:
    """These households with everybody who ever was in them, and these persons."""
    ordered = sorted(households)
    for household in ordered:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"household {household}")
    rows = await connection.fetch("SELECT DISTINCT owner FROM household_member WHERE household_id = ANY($1)", ordered)
    for owner in sorted({*owners, *(row["owner"] for row in rows)}):
        await lock_footprint(connection, owner)


async def home_of(connection: PooledConnection, owner: int, meter: str) -> Home:
    stays = await connection.fetch(
        "SELECT from_date, household_id FROM household_meter WHERE owner = $1 AND meter = $2 ORDER BY from_date",
        owner,
        meter,
    )
    if not stays:
        return Home(owner)
    members = await connection.fetch(
        "SELECT household_id, owner, joined_on, left_on FROM household_member WHERE household_id = ANY($1)",
        [row["household_id"] for row in stays if row["household_id"] is not None],
    )
    return Home(
        owner,
        tuple((row["from_date"], row["household_id"]) for row in stays),
        tuple(
            (row["household_id"], HouseholdMember(row["owner"], row["joined_on"], row["left_on"])) for row in members
        ),
    )


async def members_of(connection: PooledConnection, owner: int, activities: Sequence[UUID]) -> dict[UUID, list[int]]:
    """Who shares the meter's day that an activity is a part of, in the order in which `Home.members_on` gives them."""
    rows = await connection.fetch(_MEMBERS, owner, activities)
    return {row["activity_id"]: row["members"] for row in rows}
