"""Finds what another source of the same person has already: a payment on a card's and on its bank's statement, a charge
in the lists of the operator and of the socket.
"""

from collections.abc import Sequence
from uuid import UUID

from domain.footprint.captured import Captured
from domain.footprint.model import ActivitySource
from infra.postgres.connection import PooledConnection

_TWICE_TOLD = frozenset({ActivitySource.BANK, ActivitySource.DEVICE})
"""Journeys are compared by their times (`habits.whereabouts_of`)."""
_SEEN = """
    SELECT given.source, given.record
    FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::numeric[], $7::text[], $8::text[])
        AS given (source, record, started_at, ended_at, quantity, unit, kind)
    WHERE EXISTS (
        SELECT FROM activity JOIN captured_record AS kept ON kept.owner = activity.owner
            AND kept.activity_id = activity.id
        WHERE activity.owner = $1 AND activity.source = given.kind AND activity.unit = given.unit
            AND activity.started_at <= given.ended_at AND activity.started_at
                >= given.started_at - CASE given.kind WHEN 'BANK' THEN interval '0' ELSE interval '7 days' END
            AND CASE given.kind WHEN 'BANK' THEN activity.quantity = given.quantity
                ELSE activity.ended_at > given.started_at AND activity.started_at < given.ended_at
                    AND abs(activity.quantity - given.quantity) <= given.quantity / 50 END
            AND activity.status <> 'REVERSED'
            AND NOT kept.superseded AND kept.source <> given.source AND kept.import_id <> $9)"""


async def seen_elsewhere(
    connection: PooledConnection, owner: int, import_id: UUID, items: Sequence[Captured]
) -> frozenset[tuple[str, str]]:
    """Source and record of what one of another source and file is too: payments of the same day and sum, energy of the
    same time and, to a fiftieth, amount.
    """
    told = [item for item in items if item.draft.source in _TWICE_TOLD and item.draft.activity is not None]
    if not told:
        return frozenset()
    rows = await connection.fetch(
        _SEEN,
        owner,
        [item.source for item in told],
        [item.record for item in told],
        [item.draft.started_at for item in told],
        [item.draft.ended_at or item.draft.started_at for item in told],
        [item.draft.quantity for item in told],
        [item.draft.unit for item in told],
        [item.draft.source.value for item in told],
        import_id,
    )
    return frozenset((row["source"], row["record"]) for row in rows)
