"""Brings what a person recorded before joining a programme onto its basis, so that no sum of theirs mixes two.

Joining does the first STEPS_AT_ONCE batches; the rest is done afterwards, batch by batch, and no week of the programme
is closed before. `membership.rebased_at` tells when a person was done, `rebased_after` how far it is.
"""

from datetime import datetime

from domain.basis import EmissionBasis
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.rebasing import on_basis
from infra.postgres.activity_rows import ACTIVITY_COLUMNS, activity_of
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from infra.postgres.homes import lock_home, members_of
from infra.postgres.replacing import replace_activities

ACTIVITIES_AT_ONCE = 500
STEPS_AT_ONCE = 4
_PENDING = """
    SELECT rebased_after, basis FROM membership JOIN programme ON programme.id = membership.programme
    WHERE owner = $1 AND rebased_at IS NULL"""
_NEXT = f"""
    SELECT {ACTIVITY_COLUMNS} FROM activity
    WHERE owner = $1 AND id > $2 AND status IN ('COUNTED', 'QUARANTINED') ORDER BY id LIMIT $3"""


async def rebase_some(database: Database, owner: int, now: datetime) -> None:
    """The first batches of somebody who has just joined."""
    for _ in range(STEPS_AT_ONCE):
        if not await rebase_step(database, owner, now):
            return


async def rebase_waiting(database: Database, now: datetime) -> bool:
    """One batch of whoever waits; False where nobody does."""
    owner = await database.pool.fetchval("SELECT owner FROM membership WHERE rebased_at IS NULL ORDER BY owner LIMIT 1")
    if owner is not None:
        await rebase_step(database, owner, now)
    return owner is not None


async def rebase_step(database: Database, owner: int, now: datetime) -> bool:
    """One batch of this person; False where there is nothing left."""
    async with database.writing(owner) as connection:
        await lock_home(connection, owner)
        pending = await connection.fetchrow(_PENDING, owner)
        if pending is None:
            return False
        factors = PostgresFactors.within(connection)
        choice, freely = FactorChoice(factors, EmissionBasis(pending["basis"])), FactorChoice(factors)
        rows = await connection.fetch(_NEXT, owner, pending["rebased_after"], ACTIVITIES_AT_ONCE)
        members = await members_of(connection, owner, [row["id"] for row in rows])
        replaced = [
            new
            for row in rows
            if (new := await on_basis(choice, freely, activity_of(row), now, members.get(row["id"], ()))) is not None
        ]
        await replace_activities(connection, owner, replaced)
        is_done = len(rows) < ACTIVITIES_AT_ONCE
        await connection.execute(
            "UPDATE membership SET rebased_after = $2, rebased_at = $3 WHERE owner = $1",
            owner,
            rows[-1]["id"] if rows else pending["rebased_after"],
            now if is_done else None,
        )
    return not is_done
