"""Rides with a transit card: a zip of an agency's timetable (GTFS) with one CSV file of taps added to it.

    tapped_in_at,tapped_in,tapped_out_at,tapped_out,line,fare
    2026-05-01T08:02:11+10:00,750337,2026-05-01T08:58:40+10:00,750449,110,3.20

A stop is its id, code or name; the line is the route's id, short or long name, and may be empty; so may be the time of
tapping out, which the timetable then gives, and the fare, which is not used. Times without an offset are the agency's.
The timetable tells the mode and how long the way is. A stop or trip that it does not have is told and not guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from domain.footprint.model import Rejection
from domain.footprint.records import TRANSIT_CARD, Journey
from domain.text import shown
from infra.capture.bundle import LISTING, Bundle, opened
from infra.capture.gtfs import TABLES, Ride, Timetable, timetable_for
from infra.capture.gtfs_tables import rows, table_rows, tables_in
from infra.capture.gtfs_ways import ways_of
from infra.capture.moments import LocalReader, moment
from infra.capture.reader import Unreadable

TAPS_MAX = 20_000
COLUMNS = ("tapped_in_at", "tapped_in", "tapped_out")


@dataclass(frozen=True, slots=True)
class _Tap:
    line_number: int
    at: datetime
    until: datetime | None
    on: str
    off: str
    line: str


def _taps_name(bundle: Bundle) -> str:
    names = [name for name in bundle.names if name.lower().endswith(".csv")]
    if len(names) != 1:
        raise Unreadable(
            "NO_TAPS",
            "This is a timetable. Add one CSV file of your taps to the zip, with the columns tapped_in_at, tapped_in, "
            "tapped_out_at, tapped_out, line.",
        )
    return names[0]


def _taps(bundle: Bundle, name: str, zone: tzinfo) -> Iterator[_Tap | Rejection]:
    for number, row in enumerate(table_rows(bundle, name), 2):
        if number == 2 and not set(COLUMNS) <= set(row):
            raise Unreadable("NO_TAPS", f"The file of taps has no columns {', '.join(COLUMNS)}.")
        if number > TAPS_MAX:
            raise Unreadable("TOO_MANY_RECORDS", f"The file has more than {TAPS_MAX:,} taps. Send it in parts.")
        at, written = moment(row.get("tapped_in_at", ""), zone), row.get("tapped_out_at", "").strip()
        until = moment(written, zone) if written else None
        on, off = row.get("tapped_in", "").strip(), row.get("tapped_out", "").strip()
        if at is None or (written and until is None):
            yield Rejection("BAD_TIME", "The tap has no time that exists.", line=number)
        elif not on or not off:
            yield Rejection("NO_STOP", "The tap does not say where the ride began and ended.", line=number)
        else:
            yield _Tap(number, at, until, on, off, row.get("line", "").strip())


def _zone(bundle: Bundle, own: tzinfo) -> tzinfo:
    """The agency's, where it has one that exists."""
    if "agency.txt" in tables_in(bundle.names):
        for row in rows(bundle, "agency.txt"):
            try:
                return ZoneInfo(row.get("agency_timezone", "").strip())
            except (ValueError, OSError):
                break
    return own


def _journeys(bundle: Bundle, own: tzinfo) -> Iterator[Journey | Rejection]:
    zone = _zone(bundle, own)
    taps = list(_taps(bundle, _taps_name(bundle), zone))
    good = [tap for tap in taps if isinstance(tap, _Tap)]
    timetable = timetable_for(bundle, {name for tap in good for name in (tap.on, tap.off)})
    found = {tap: _ride(timetable, tap, zone) for tap in good}
    ways = ways_of(bundle, timetable, {ride for ride in found.values() if ride})
    for tap in taps:
        yield tap if isinstance(tap, Rejection) else _journey(tap, found[tap], ways, timetable)


def _ride(timetable: Timetable, tap: _Tap, zone: tzinfo) -> Ride | None:
    local = tap.at.astimezone(zone)
    return timetable.ride_at(tap.on, tap.off, tap.line, local.hour * 3600 + local.minute * 60 + local.second)


def _journey(tap: _Tap, ride: Ride | None, ways: dict[Ride, int], timetable: Timetable) -> Journey | Rejection:
    if ride is None or ride not in ways:
        missing = next((stop for stop in (tap.on, tap.off) if not timetable.has_stop(stop)), None)
        reason = (
            f"The timetable has no stop {shown(missing, 80)}."
            if missing is not None
            else f"The timetable has no trip {shown(tap.line, 80)} from {shown(tap.on, 80)} to {shown(tap.off, 80)}."
        )
        return Rejection("NOT_IN_TIMETABLE", " ".join(reason.split()), line=tap.line_number)
    return Journey(
        source=TRANSIT_CARD,
        record=f"{tap.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        start=tap.at,
        end=tap.until or tap.at + timedelta(seconds=max(0, ride.off.departure - ride.on.departure)),
        mode=ride.mode,
        metres=Decimal(round(ways[ride], -3)) / 1000,
        line=tap.line_number,
    )


class TransitTapReader(LocalReader):
    name = "TRANSIT_TAPS"
    description = "Taps of a transit card as CSV, in the zip of the agency's timetable (GTFS)."
    file_kinds = (".zip",)

    def recognises(self, head: bytes) -> bool:
        if not head.startswith(LISTING):
            return False
        names = tables_in(head.removeprefix(LISTING).decode(errors="replace").split("\n"))
        return all(table in names for table in TABLES)

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        with opened(path) as bundle:
            found = 0
            for item in _journeys(bundle, self.zone):
                found += 1
                yield item
            if not found:
                raise Unreadable("NO_TAPS", "The file of taps has no rides in it.")


READER = TransitTapReader()
