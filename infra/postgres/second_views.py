"""Finds payments that another account or file of the same person has already: a card's and its bank's statement."""

from collections.abc import Sequence
from uuid import UUID

from domain.footprint.captured import Captured
from domain.footprint.model import ActivitySource
from infra.postgres.connection import PooledConnection

_SEEN = """
    SELECT given.source, given.record
    FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::numeric[], $6::text[])
        AS given (source, record, started_at, quantity, unit)
    WHERE EXISTS (
        SELECT FROM activity JOIN captured_record AS kept ON kept.owner = activity.owner
            AND kept.activity_id = activity.id
        WHERE activity.owner = $1 AND activity.started_at = given.started_at AND activity.source = 'BANK'
            AND activity.quantity = given.quantity AND activity.unit = given.unit AND activity.status <> 'REVERSED'
            AND NOT kept.superseded AND kept.source <> given.source AND kept.import_id <> $7)"""


async def seen_elsewhere(
    connection: PooledConnection, owner: int, import_id: UUID, items: Sequence[Captured]
) -> frozenset[tuple[str, str]]:
    """Source and record of the payments whose day and sum one of another source and file has."""
    paid = [item for item in items if item.draft.source is ActivitySource.BANK and item.draft.activity is not None]
    if not paid:
        return frozenset()
    rows = await connection.fetch(
        _SEEN,
        owner,
        [item.source for item in paid],
        [item.record for item in paid],
        [item.draft.started_at for item in paid],
        [item.draft.quantity for item in paid],
        [item.draft.unit for item in paid],
        import_id,
    )
    return frozenset((row["source"], row["record"]) for row in rows)
