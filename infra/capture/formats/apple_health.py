"""Apple Health: the export.zip of an iPhone, or the export.xml that it holds.

Every export opens with an inline DTD, which iOS 16 wrote broken, and values may hold characters that XML forbids: both
are cut out of the stream, and what is left may have no DTD. Only workouts that go somewhere on foot or by bicycle are
journeys; other workouts are counted in a note. The distance is the attribute totalDistance of old exports, or the sum
of a WorkoutStatistics of distance, or else the route: points within the workout, or a GPX file of the zip that a
FileReference names. That name is only looked up among the names of the zip, never used as a path.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path

from domain.footprint.model import Rejection
from domain.footprint.records import Journey, Position, TravelMode
from domain.footprint.units import convert
from domain.text import shown
from infra.capture.bundle import LISTING, ZIP_SIGNATURES, Bundle, opened
from infra.capture.formats.gpx import journeys_in
from infra.capture.moments import LocalReader, moment
from infra.capture.positions import number, position
from infra.capture.reader import Unreadable
from infra.capture.xml_stream import Attributes, Events, chunks_of, found_in

DTD_MAX_BYTES = 2**20
POINTS_MAX = 200_000
ROUTES_MAX_BYTES = 256 * 2**20
_ROOT = re.compile(rb"<HealthData[\s>]")
_LISTED = re.compile(rb"^(.*/)?apple_health_export/[^/]+\.xml$", re.MULTILINE)
_FORBIDDEN = bytes(code for code in range(32) if code not in b"\t\n\r")
_DTD_END = re.compile(rb"\]\s*>")
_MODES = {
    "Walking": TravelMode.WALK,
    "Hiking": TravelMode.WALK,
    "Running": TravelMode.WALK,
    "Cycling": TravelMode.BICYCLE,
}
_DISTANCES = ("HKQuantityTypeIdentifierDistanceWalkingRunning", "HKQuantityTypeIdentifierDistanceCycling")
_UNITS = {"km": "km", "mi": "mile", "m": "m"}


class _Workout:
    def __init__(self, attributes: Attributes, zone: tzinfo) -> None:
        self.kind = attributes.get("workoutActivityType", "").removeprefix("HKWorkoutActivityType")
        self.start = moment(attributes.get("startDate", ""), zone)
        self.end = moment(attributes.get("endDate", ""), zone)
        self.started = attributes.get("startDate", "")[:40]
        self.metres = _metres(attributes.get("totalDistance"), attributes.get("totalDistanceUnit"))
        self.points: list[Position] = []
        self.routes: list[str] = []

    @property
    def mode(self) -> TravelMode | None:
        return _MODES.get(self.kind)


class _Workouts(Events[_Workout]):
    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self._zone = zone
        self._workout: _Workout | None = None

    def begin(self, name: str, attributes: Attributes) -> None:
        if name == "Workout":
            self._workout = _Workout(attributes, self._zone)
        elif self._workout is None:
            return
        elif name == "WorkoutStatistics":
            if attributes.get("type") in _DISTANCES and self._workout.metres is None:
                self._workout.metres = _metres(attributes.get("sum"), attributes.get("unit"))
        elif name == "Location":
            self._add_point(self._workout, attributes)
        elif name == "FileReference":
            self._workout.routes.append(attributes.get("path", "")[:500])

    def _add_point(self, workout: _Workout, attributes: Attributes) -> None:
        if len(workout.points) >= POINTS_MAX:
            raise Unreadable("TOO_MANY_POINTS", f"A workout has more than {POINTS_MAX:,} points.")
        at = moment(attributes.get("date", ""), self._zone)
        place = attributes.get("latitude"), attributes.get("longitude"), attributes.get("horizontalAccuracy")
        point = position(at, *place) if at else None
        if point is not None:
            workout.points.append(point)

    def end(self, name: str, text: str) -> None:
        if name == "Workout" and self._workout is not None:
            self.found.append(self._workout)
            self._workout = None


def _metres(written: str | None, unit: str | None) -> Decimal | None:
    value = number(written)
    known = _UNITS.get((unit or "").strip())
    if not value or known is None:
        return None
    return convert(value, known, "m").quantize(Decimal("0.001")) if abs(value) < 10**9 else value


def without_doctype(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream without its document type and without bytes that XML forbids; the rest of it byte for byte."""
    chunks = (chunk.translate(None, _FORBIDDEN) for chunk in chunks)
    head = b""
    for chunk in chunks:
        head += chunk
        cut = _cut(head)
        if cut is not None:
            yield cut
            break
        if len(head) > DTD_MAX_BYTES:
            raise Unreadable("FORBIDDEN_XML", "The document type of the file does not end.")
    else:
        yield head
    yield from chunks


def _cut(head: bytes) -> bytes | None:
    """The head without its document type; None while its end has not been seen."""
    start = head.find(b"<!DOCTYPE")
    root = _ROOT.search(head)
    if root is not None and (start < 0 or root.start() < start):
        return head
    if start < 0:
        return None
    end = _DTD_END.search(head, start)
    return head[:start] + head[end.end() :] if end else None


def _journeys(workouts: Iterator[_Workout], bundle: Bundle | None, zone: tzinfo) -> Iterator[Journey | Rejection]:
    others = read = 0
    for workout in workouts:
        mode = workout.mode
        if mode is None:
            others += 1
            continue
        started = shown(workout.started)
        if workout.start is None or workout.end is None:
            yield Rejection("BAD_TIME", "A workout has no start and end that exist.", record=started)
            continue
        track: tuple[Position, ...] = ()
        if workout.metres is None:
            read += sum(bundle.size(name) for name in _routes(workout, bundle)) if bundle else 0
            if read > ROUTES_MAX_BYTES:
                raise Unreadable("TOO_LARGE", "The routes of the workouts are more than can be read at once.")
            track = tuple(_route(workout, bundle, zone))
        if workout.metres is None and len(track) < 2:
            yield Rejection("NO_DISTANCE", "A workout on foot or by bicycle has no distance.", record=started)
            continue
        yield Journey(
            source="Apple Health",
            record=f"{workout.kind} {_stamp(workout.start)}",
            start=workout.start,
            end=workout.end,
            mode=mode,
            metres=workout.metres,
            track=track,
        )
    if others:
        yield Rejection("NO_TRAVEL", f"{others} workouts that are neither on foot nor by bicycle left out.", note=True)


def _routes(workout: _Workout, bundle: Bundle) -> list[str]:
    wanted = [f"/{name.strip('/')}" for name in workout.routes if name.strip("/")]
    return [name for name in bundle.names if any(f"/{name}".endswith(end) for end in wanted)]


def _route(workout: _Workout, bundle: Bundle | None, zone: tzinfo) -> Iterator[Position]:
    yield from workout.points
    for name in _routes(workout, bundle) if bundle else ():
        for item in journeys_in(bundle.chunks(name), zone) if bundle else ():
            if isinstance(item, Journey):
                yield from item.track


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _export_in(bundle: Bundle) -> str:
    """The file of the export: its name is translated on some phones, its root is not."""
    for name in sorted(bundle.names, key=bundle.size, reverse=True):
        if re.search(r"apple_health_export/[^/]+\.xml$", name):
            head = next(bundle.chunks(name), b"")
            if _ROOT.search(head):
                return name
    raise Unreadable("NO_WORKOUTS", "The zip has no health data of an iPhone in it.")


class AppleHealthReader(LocalReader):
    name = "APPLE_HEALTH"
    description = "The export of Apple's Health app: walks, runs and rides."
    file_kinds = (".zip", ".xml")

    def recognises(self, head: bytes) -> bool:
        if head.startswith(LISTING):
            return _LISTED.search(head) is not None
        return _ROOT.search(head) is not None or b"<!DOCTYPE HealthData" in head

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        with path.open("rb") as file:
            is_zip = file.read(4) in ZIP_SIGNATURES
        if not is_zip:
            yield from self._read(chunks_of(path), None)
            return
        with opened(path) as bundle:
            yield from self._read(bundle.chunks(_export_in(bundle)), bundle)

    def _read(self, chunks: Iterator[bytes], bundle: Bundle | None) -> Iterator[Journey | Rejection]:
        workouts = found_in(without_doctype(chunks), _Workouts(self.zone))
        found = 0
        for item in _journeys(workouts, bundle, self.zone):
            found += 1
            yield item
        if not found:
            raise Unreadable("NO_WORKOUTS", "The export has no workouts in it.")


READER = AppleHealthReader()
