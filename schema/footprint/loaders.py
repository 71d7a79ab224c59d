from collections.abc import Sequence
from uuid import UUID

from domain.footprint.model import Activity
from domain.ports import FootprintStore


async def activities_by_id(footprint: FootprintStore, owner: int, ids: Sequence[UUID]) -> list[Activity | None]:
    """One query for all of them; None for what is not the owner's."""
    found = await footprint.activities_by_id(owner, ids)
    return [found.get(activity_id) for activity_id in ids]
