"""Puts new activities into the places of old ones: these are reversed, and whatever named them names the new ones."""

from collections.abc import Sequence

from domain.footprint.model import Activity
from infra.postgres.connection import PooledConnection
from infra.postgres.footprint import UNKEYED, insert_activities, reverse_activities

_LINKS = (
    ("activity", "owner", "id", "adjusted_by"),
    ("meter_day", "member", "activity_id", "activity_id"),
    ("captured_record", "owner", "activity_id", "activity_id"),
)
"""Table, its column of the person, that which named the old activity, that which names the new one from now on."""


async def replace_activities(connection: PooledConnection, owner: int, activities: Sequence[Activity]) -> int:
    """Gives their number; each names the one that it takes the place of. The caller holds the person's lock."""
    if not activities:
        return 0
    old, new = [activity.adjusts for activity in activities if activity.adjusts], [item.id for item in activities]
    await reverse_activities(connection, owner, old)
    await insert_activities(connection, owner, [(activity, UNKEYED) for activity in activities])
    for table, person, column, link in _LINKS:
        await connection.execute(
            f"UPDATE {table} AS linked SET {link} = pair.new FROM unnest($2::uuid[], $3::uuid[]) AS pair (old, new) "
            f"WHERE linked.{person} = $1 AND linked.{column} = pair.old",
            owner,
            old,
            new,
        )
    return len(activities)
