"""Health Connect of Android: the SQLite database of an export, which comes as a zip with this one file.

Sessions of exercise stand in one table, distances in another without a key between them: the distances of the same app
within the session's time are its distance. Names of tables vary, so they are found by a part of their name. Times are
milliseconds since 1970. The numbers of exercise types differ between the platform and the developer's library, so a
number counts only where the other list has no moving meaning for it; the title's own word comes first, and where
neither tells, the person is asked. That two apps recorded one walk is for the judge of journeys to see.

The database is somebody else's program text: it is opened read-only and immutable, with functions in its schema not
trusted, nothing allowed but reading the two tables, and a bound on rows and on work. Views and virtual tables are no
tables here.
"""

import re
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from domain.footprint.model import Rejection
from domain.footprint.records import Journey, TravelMode
from domain.text import shown
from infra.capture.mode_words import mode_of_words
from infra.capture.positions import number
from infra.capture.reader import Unreadable

SESSIONS_MAX = 100_000
DISTANCES_MAX = 1_000_000
STEPS_MAX = 2_000_000_000
STEPS_EACH = 1_000_000
VALUE_MAX_BYTES = 2**20
EDGE_MILLISECONDS = 60_000
"""An app may write a distance a little before the session that it belongs to."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_MODES = {
    4: TravelMode.BICYCLE,  # Platform; baseball in the library.
    8: TravelMode.BICYCLE,  # Library; calisthenics on the platform.
    21: TravelMode.WALK,  # Platform: hiking.
    33: TravelMode.WALK,  # Platform: running; frisbee in the library.
    53: TravelMode.WALK,  # Platform: walking.
    79: TravelMode.WALK,  # Library: walking.
}


class _Database:
    """The few things that are asked of the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._steps = 0
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.set_progress_handler(self._count, STEPS_EACH)
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        self._tables = self._plain_tables()
        connection.set_authorizer(self._authorise)

    def _count(self) -> int:
        self._steps += STEPS_EACH
        return self._steps > STEPS_MAX

    def _plain_tables(self) -> list[str]:
        """Those with pages of their own: a view or a virtual table has none."""
        rows = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT 1000"
        )
        return [name for (name,) in rows if isinstance(name, str) and _NAME.fullmatch(name)]

    def _authorise(self, action: int, table: str | None, _column: str | None, *_more: str | None) -> int:
        may = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table in self._tables)
        return sqlite3.SQLITE_OK if may else sqlite3.SQLITE_DENY

    def rows(self, part_of_name: str, columns: str, most: int) -> Iterator[tuple[object, ...]]:
        """Rows of the one table with this in its name; raises Unreadable for more than `most`."""
        table = next((name for name in self._tables if part_of_name in name), None)
        if table is None:
            return
        for index, row in enumerate(self._connection.execute(f"SELECT {columns} FROM {table}")):
            if index >= most:
                raise Unreadable("TOO_MANY_RECORDS", f"The database has more than {most:,} rows of one kind.")
            yield row


class _Distances:
    """What one app measured: pieces of time that do not overlap, the shorter ones first, and the metres up to each."""

    def __init__(self, rows: list[tuple[int, int, Decimal]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._metres = [Decimal(0)]
        for start, end, metres in sorted(rows, key=lambda row: (row[1], -row[0])):
            if not self._ends or start >= self._ends[-1]:
                self._starts.append(start)
                self._ends.append(end)
                self._metres.append(self._metres[-1] + metres)

    def within(self, start: int, end: int) -> Decimal:
        first = bisect_left(self._starts, start - EDGE_MILLISECONDS)
        last = min(bisect_right(self._ends, end + EDGE_MILLISECONDS), bisect_left(self._starts, end))
        return self._metres[last] - self._metres[first] if last > first else Decimal(0)


def _distances(database: _Database) -> dict[object, _Distances]:
    """By app."""
    found: dict[object, list[tuple[int, int, Decimal]]] = {}
    columns = "app_info_id, start_time, end_time, distance"
    for app, start, end, written in database.rows("distance_record", columns, DISTANCES_MAX):
        metres = number(str(written) if isinstance(written, float) else written)
        if isinstance(start, int) and isinstance(end, int) and start < end and metres is not None and metres >= 0:
            found.setdefault(app, []).append((start, end, metres))
    return {app: _Distances(rows) for app, rows in found.items()}


def _journeys(database: _Database) -> Iterator[Journey | Rejection]:
    distances = _distances(database)
    nothing = _Distances([])
    columns = "app_info_id, start_time, end_time, exercise_type, title, uuid, row_id"
    for app, start, end, kind, title, uuid, row in database.rows("exercise_session", columns, SESSIONS_MAX):
        record = uuid[:16].hex() if isinstance(uuid, bytes) and uuid else f"row {row}"[:40]
        name = title[:100] if isinstance(title, str) else ""
        label = shown(name, 100) or record
        begin, finish = _moment(start), _moment(end)
        if begin is None or finish is None or not isinstance(start, int) or not isinstance(end, int):
            yield Rejection("BAD_TIME", "A session has no start and end that exist.", record=label)
            continue
        metres = distances.get(app, nothing).within(start, end)
        if not metres:
            said = "The session has no distance, so it is no journey."
            yield Rejection("NO_DISTANCE", said, record=label, note=True)
            continue
        mode = _mode(name, kind)
        if mode is TravelMode.UNKNOWN:
            said = f"Nobody can tell how you moved in this session of {begin:%Y-%m-%d %H:%M} UTC: you will be asked."
            yield Rejection("UNKNOWN_EXERCISE", said, record=label, note=True)
        yield Journey("Health Connect", record, begin, finish, mode, metres=metres)


def _mode(title: str, kind: object) -> TravelMode:
    by_word = mode_of_words(title)
    by_number = _MODES.get(kind, TravelMode.UNKNOWN) if isinstance(kind, int) else TravelMode.UNKNOWN
    return by_number if by_word is TravelMode.UNKNOWN else by_word


def _moment(value: object) -> datetime | None:
    if not isinstance(value, int) or not 0 < value < 10**14:
        return None
    return _EPOCH + timedelta(milliseconds=value)


class HealthConnectReader:
    name = "HEALTH_CONNECT"
    description = "The backup of Android's Health Connect: walks, runs and rides."
    file_kinds = (".zip", ".db")

    def recognises(self, head: bytes) -> bool:
        return head.startswith(b"SQLite format 3\x00")

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        found = 0
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
                for item in _journeys(_Database(connection)):
                    found += 1
                    yield item
        except (sqlite3.Error, OverflowError) as error:
            raise Unreadable("DAMAGED_DATABASE", "The database is damaged, or not one of Health Connect.") from error
        if not found:
            raise Unreadable("NO_SESSIONS", "The database has no sessions of exercise.")


READER = HealthConnectReader()
