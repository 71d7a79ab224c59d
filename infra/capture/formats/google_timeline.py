"""Google Timeline as phones export it since 2024: an object with `semanticSegments` (Android) or a bare list (iPhone).

An activity is a journey with a mode and a distance. A `timelinePath` is a window of about two hours with the points of
the same movement: it counts only where no activity and no other path touches its time. For that the file is read twice,
first the activities, then the paths. Of an activity the longer holds of its own distance and the straight line between
its ends: phones write 0, or less than the straight line. The key of a record is its start, so that a later export which
tells the mode otherwise replaces the earlier.

Values are numbers or text, places `"48.85°, 2.35°"`, `"geo:48.85,2.35"`, `"48.85,2.35"`, or an object with `latLng`;
modes `IN_PASSENGER_VEHICLE` or `in passenger vehicle`; times have an offset or none.
"""

import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from domain.footprint.model import Rejection
from domain.footprint.records import Journey, Position, TravelMode
from domain.text import shown
from infra.capture.json_stream import inside, items_in, text
from infra.capture.moments import LocalReader, has_offset, moment
from infra.capture.positions import number, position, when
from infra.capture.reader import Unreadable
from infra.capture.text import start_of

SOURCE = "Google Timeline"
PATH_POINTS_MAX = 200_000
NO_FUEL = frozenset({"SKIING", "SAILING", "SNOWBOARDING", "SKATING", "SURFING", "SWIMMING", "ROWING", "KAYAKING"})
"""Leisure that goes somewhere and burns nothing."""

_MODES = {
    "WALKING": TravelMode.WALK,
    "RUNNING": TravelMode.WALK,
    "ON_FOOT": TravelMode.WALK,
    "HIKING": TravelMode.WALK,
    "CYCLING": TravelMode.BICYCLE,
    "ON_BICYCLE": TravelMode.BICYCLE,
    "IN_PASSENGER_VEHICLE": TravelMode.CAR,
    "IN_CAR": TravelMode.CAR,
    "IN_TAXI": TravelMode.TAXI,
    "MOTORCYCLING": TravelMode.MOTORCYCLE,
    "IN_BUS": TravelMode.BUS,
    "IN_TRAIN": TravelMode.TRAIN,
    "IN_SUBWAY": TravelMode.METRO,
    "IN_TRAM": TravelMode.TRAM,
    "IN_FERRY": TravelMode.FERRY,
    "FLYING": TravelMode.PLANE,
    "IN_VEHICLE": TravelMode.MOTORISED,
    "IN_ROAD_VEHICLE": TravelMode.MOTORISED,
    "IN_RAIL_VEHICLE": TravelMode.MOTORISED,
}
_PLACE = re.compile(r"(?:geo:)?\s*([+-]?\d[\d.eE+-]*)\s*°?\s*,\s*([+-]?\d[\d.eE+-]*)\s*°?(?:;.*)?", re.ASCII)
_OLD = (b'"timelineObjects"', b'"locations"')


class _Taken:
    """Times that activities and paths take: seconds since 1970; free of overlaps once they are merged."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def add(self, start: datetime, end: datetime) -> None:
        self._spans.append((int(start.timestamp()), int(end.timestamp())))

    def add_apart(self, start: datetime, end: datetime) -> None:
        """A time that touches none of those before."""
        insort(self._spans, (int(start.timestamp()), int(end.timestamp())))

    def merge(self) -> None:
        merged: list[tuple[int, int]] = []
        for start, end in sorted(self._spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._spans = merged

    def touches(self, start: datetime, end: datetime) -> bool:
        first, last = int(start.timestamp()), int(end.timestamp())
        after = bisect_left(self._spans, (last, 0))
        return after > 0 and self._spans[after - 1][1] > first


class _Export:
    """One file, read twice."""

    def __init__(self, path: Path, prefix: str, zone: tzinfo) -> None:
        self._path = path
        self._prefix = prefix
        self._zone = zone
        self._taken = _Taken()
        self._left_out: Counter[str] = Counter()
        self._naive = False
        self.segments = 0

    def items(self) -> Iterator[Journey | Rejection]:
        has_paths = False
        for segment in items_in(self._path, self._prefix):
            self.segments += 1
            if inside(segment, "activity") is not None:
                yield from self._activity(segment)
            has_paths = has_paths or inside(segment, "timelinePath") is not None
        if has_paths:
            self._taken.merge()
            for segment in items_in(self._path, self._prefix):
                yield from self._path_of(segment)
        yield from self._notes()

    def _activity(self, segment: Any) -> Iterator[Journey | Rejection]:
        start, end = self._moment(segment, "startTime"), self._moment(segment, "endTime")
        name = text(inside(segment, "startTime"))[:40]
        if start is None or end is None:
            yield Rejection("BAD_TIME", "An activity has no start and end that exist.", record=shown(name))
            return
        activity = segment["activity"]
        word = text(inside(activity, "topCandidate", "type")).strip().upper().replace(" ", "_")
        self._taken.add(start, end)
        if word in NO_FUEL:
            self._left_out[word.lower()] += 1
            return
        ends = (_place(inside(activity, "start"), start), _place(inside(activity, "end"), end))
        track = tuple(point for point in ends if point)
        metres = number(inside(activity, "distanceMeters"))
        if metres is None and len(track) < 2:
            yield Rejection("NO_DISTANCE", "An activity has no distance and no two ends.", record=shown(name))
            return
        likelihood = number(inside(activity, "topCandidate", "probability"))
        yield Journey(
            source=SOURCE,
            record=_stamp(start),
            start=start,
            end=end,
            mode=_MODES.get(word, TravelMode.UNKNOWN),
            metres=metres,
            track=track if len(track) == 2 else (),
            likelihood=likelihood if likelihood is not None and 0 <= likelihood <= 1 else None,
        )

    def _path_of(self, segment: Any) -> Iterator[Journey | Rejection]:
        points = inside(segment, "timelinePath")
        if not isinstance(points, list):
            return
        if len(points) > PATH_POINTS_MAX:
            raise Unreadable("TOO_MANY_POINTS", f"A path has more than {PATH_POINTS_MAX:,} points.")
        start = self._moment(segment, "startTime")
        times = [self._time_of(point, start) for point in points]
        known = [at for at in times if at is not None]
        if not known or self._taken.touches(min(known), max(known)):
            return
        found = [_place(inside(point, "point"), at) for point, at in zip(points, times, strict=True) if at is not None]
        track = sorted((point for point in found if point), key=when)
        bad = len(points) - len(track)
        if bad:
            said = f"{bad} of {len(points)} points of a path have no place on earth or no time that exists."
            yield Rejection("BAD_POINTS", said, record=shown(text(inside(segment, "startTime"))), note=True)
        if len(track) > 1:
            first, last = when(track[0]), when(track[-1])
            self._taken.add_apart(first, last)
            yield Journey(SOURCE, _stamp(first), first, last, TravelMode.UNKNOWN, track=tuple(track))

    def _time_of(self, point: Any, start: datetime | None) -> datetime | None:
        at = self._moment(point, "time")
        minutes = number(inside(point, "durationMinutesOffsetFromStartTime"))
        if at is None and start is not None and minutes is not None and 0 <= minutes <= 100_000:
            at = start + timedelta(seconds=int(minutes * 60))
        return at

    def _moment(self, value: Any, name: str) -> datetime | None:
        written = text(inside(value, name))
        found = moment(written, self._zone)
        self._naive = self._naive or (found is not None and not has_offset(written))
        return found

    def _notes(self) -> Iterator[Rejection]:
        if self._naive:
            said = f"Some times have no zone: they were read as local time of {self._zone}."
            yield Rejection("NO_ZONE", said, note=True)
        for word, count in sorted(self._left_out.items()):
            yield Rejection("NO_FUEL", f"{count} x {word} left out: it burns nothing.", note=True)


def _place(value: Any, at: datetime | None) -> Position | None:
    written = text(inside(value, "latLng") if isinstance(value, dict) else value).strip()
    found = _PLACE.fullmatch(written.replace("geo:", "", 1))
    return position(at, *found.groups()) if found else None


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class GoogleTimelineReader(LocalReader):
    name = "GOOGLE_TIMELINE"
    description = "Google Timeline, exported on the phone (Android or iPhone)."
    file_kinds = (".json", ".zip")

    def recognises(self, head: bytes) -> bool:
        start = start_of(head)[:1]
        if start == b"{":
            return any(word in head for word in (b'"semanticSegments"', *_OLD))
        kinds = (b'"activity"', b'"visit"', b'"timelinePath"', b'"timelineMemory"')
        return start == b"[" and b'"startTime"' in head and any(kind in head for kind in kinds)

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        with path.open("rb") as file:
            is_list = start_of(file.read(4096)).startswith(b"[")
        export = _Export(path, "item" if is_list else "semanticSegments.item", self.zone)
        yield from export.items()
        if not export.segments:
            raise Unreadable(
                "NO_SEGMENTS",
                "The file has no segments of a timeline. Export it on the phone: Google's website gives another form.",
            )


READER = GoogleTimelineReader()
