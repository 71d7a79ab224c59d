"""Whose token it was a moment ago: a bounded memory that spares the database a look-up for each request."""

from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from domain.identity.model import Viewer

KEPT = 10_000
KEPT_FOR = timedelta(seconds=5)


class RecentViewers:
    """`forgotten` rises with each session that ends: a look-up that began before it may not be kept."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[Viewer, datetime]] = OrderedDict()
        self.forgotten = 0

    def get(self, digest: str, now: datetime) -> Viewer | None:
        known = self._seen.get(digest)
        if known is None or now >= known[1]:
            return None
        self._seen.move_to_end(digest)
        return known[0]

    def keep(self, digest: str, viewer: Viewer, now: datetime) -> None:
        self._seen[digest] = (viewer, now + KEPT_FOR)
        if len(self._seen) > KEPT:
            self._seen.popitem(last=False)

    def forget(self, session_id: UUID) -> None:
        self.forgotten += 1
        for digest in [digest for digest, (viewer, _) in self._seen.items() if viewer.session_id == session_id]:
            del self._seen[digest]
