"""What counters showed, and the intervals where one file's counters meet those of other files.

Within a file the judge makes the intervals. Here are only those between a value of this file and one that another file
brought: after what came before, before what comes after, and within a stretch that both have. Intervals that are so
divided stay beside their parts, and give way to them as a day does to its hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.footprint.counters import counted_between, was_passed
from domain.footprint.metering import CounterRow
from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.units import plain
from domain.footprint.verdict import Counter
from infra.postgres.connection import PooledConnection

SEAMS_MAX = 200_000
SHOWN_MAX = 10_000
"""So many of the last values of a register are compared with one that has no time."""

_ADD = """
    INSERT INTO meter_counter AS known
    SELECT $1, meter, register, at, value, $2
    FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::numeric[]) AS row (meter, register, at, value)
    ON CONFLICT (owner, meter, register, at) DO UPDATE SET value = excluded.value, import_id = excluded.import_id
    WHERE known.value <> excluded.value
    RETURNING meter, register, at"""
_SHOWN = """
    SELECT value FROM meter_counter WHERE owner = $1 AND meter = $2 AND register = $3 ORDER BY at DESC LIMIT $4"""
_SEAMS = """
    SELECT before_at, before_value, at, value FROM (
        SELECT at, value, import_id = $4 AS own, lag(at) OVER by_time AS before_at,
               lag(value) OVER by_time AS before_value, lag(import_id) OVER by_time = $4 AS before_own
        FROM meter_counter
        WHERE owner = $1 AND meter = $2 AND register = $3
            AND at >= coalesce((SELECT max(at) FROM meter_counter
                                WHERE owner = $1 AND meter = $2 AND register = $3 AND at < $5), $5)
            AND at <= coalesce((SELECT min(at) FROM meter_counter
                                WHERE owner = $1 AND meter = $2 AND register = $3 AND at > $6), $6)
        WINDOW by_time AS (ORDER BY at)) AS pair
    WHERE own <> before_own ORDER BY at LIMIT $7"""


class TooManySeams(Exception):
    """The counters of this file and of earlier ones alternate too often to be put together."""


@dataclass(slots=True)
class _Added:
    """The new values of one register: its meaning, the first and the last."""

    row: CounterRow
    first: datetime
    last: datetime


class CounterRecording:
    """The counters of one file, within a transaction that holds the person's footprint lock."""

    def __init__(self, connection: PooledConnection, owner: int, import_id: UUID) -> None:
        self._connection = connection
        self._owner = owner
        self._import_id = import_id
        self._added: dict[tuple[str, str], _Added] = {}
        self.notes: list[Rejection] = []

    async def merge(self, rows: Sequence[CounterRow]) -> int:
        """Adds what is new and gives its number. What has no time and was passed already is an older look: left out."""
        rows = [row for row in rows if not (row.is_arrival and await self._was_passed(row))]
        meanings = {(row.meter, row.register): row for row in rows}
        added = await self._connection.fetch(
            _ADD,
            self._owner,
            self._import_id,
            [row.meter for row in rows],
            [row.register for row in rows],
            [row.at for row in rows],
            [row.value for row in rows],
        )
        for meter, register, at in added:
            known = self._added.setdefault((meter, register), _Added(meanings[meter, register], at, at))
            known.first, known.last = min(known.first, at), max(known.last, at)
        return len(added)

    async def _was_passed(self, row: CounterRow) -> bool:
        shown = await self._connection.fetch(_SHOWN, self._owner, row.meter, row.register, SHOWN_MAX)
        if not was_passed([known["value"] for known in reversed(shown)], row.value):
            return False
        text = f"The register was past {plain(row.value)} {row.unit} already: an older telegram, which changes nothing."
        self.notes.append(Rejection("OUTDATED", text, record=f"{row.meter} {row.register}", note=True))
        return True

    async def seams(self) -> list[Reading | Rejection]:
        """The intervals between values of this file and those of others; notes where there is none."""
        found: list[Reading | Rejection] = []
        for (meter, register), added in self._added.items():
            rows = await self._connection.fetch(
                _SEAMS, self._owner, meter, register, self._import_id, added.first, added.last, SEAMS_MAX + 1
            )
            if len(found) + len(rows) > SEAMS_MAX:
                raise TooManySeams
            counter = _counter(added.row)
            found.extend(
                counted_between(counter, _look(row["before_at"], row["before_value"]), _look(row["at"], row["value"]))
                for row in rows
            )
        return found


def _counter(row: CounterRow) -> Counter:
    return Counter(row.meter, row.register, Commodity(row.commodity), Direction(row.direction), row.unit, row.modulus)


def _look(at: datetime, value: Decimal) -> tuple[int, Decimal]:
    return int(at.timestamp()), value
