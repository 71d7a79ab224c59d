"""GPX 1.0 and 1.1: tracks of watches, phones and bicycle computers.

A track counts and a route does not: that is a plan. Segments are not joined, since nobody knows what happened between
them. A track's `type` is its mode where the writer used a word for it. Times without an offset are local time of the
person, and the file says so in a note. Apple's and Garmin's extensions give the accuracy of a point (hAcc).
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from domain.footprint.model import Rejection
from domain.footprint.records import Journey, Position, TravelMode
from domain.footprint.tracks import clean_track
from infra.capture.mode_words import mode_of_words
from infra.capture.moments import LocalReader, has_offset, moment
from infra.capture.positions import position
from infra.capture.reader import Unreadable
from infra.capture.text import as_utf8
from infra.capture.xml_stream import Attributes, Events, chunks_of, found_in

POINTS_MAX = 200_000
"""In one segment: two and a half days of a point a second."""
_ROOT = re.compile(rb"<([A-Za-z]+:)?gpx[\s/>]|<!DOCTYPE gpx\b")


class _Tracks(Events[Journey | Rejection]):
    def __init__(self, zone: tzinfo) -> None:
        super().__init__()
        self._zone = zone
        self._track = 0
        self._segment = 0
        self._mode = TravelMode.UNKNOWN
        self._said_naive = False
        self._clear()

    def _clear(self) -> None:
        self._points: list[Position] = []
        self._untimed: list[Position] = []
        self._read = self._nowhere = self._no_time = 0

    def begin(self, name: str, attributes: Attributes) -> None:
        if name == "trk":
            self._track += 1
            self._segment, self._mode = 0, TravelMode.UNKNOWN
        elif name == "trkseg":
            self._segment += 1
            self._clear()
        elif name == "trkpt":
            self._place = attributes.get("lat"), attributes.get("lon")
            self._time = self._accuracy = ""

    def end(self, name: str, text: str) -> None:
        parent = self.path[-2] if len(self.path) > 1 else ""
        if name == "time" and parent == "trkpt":
            self._time = text.strip()
        elif name == "hAcc":
            self._accuracy = text
        elif name == "type" and parent == "trk":
            self._mode = mode_of_words(text)
        elif name == "trkpt":
            self._add_point()
        elif name == "trkseg":
            self._close_segment()

    def _add_point(self) -> None:
        self._read += 1
        if self._read > POINTS_MAX:
            raise Unreadable("TOO_MANY_POINTS", f"A track has more than {POINTS_MAX:,} points. Send it in parts.")
        at = moment(self._time, self._zone) if self._time else None
        point = position(at, *self._place, self._accuracy)
        if point is None:
            self._nowhere += 1
        elif at is not None:
            self._points.append(point)
            self._say_naive()
        elif self._time:
            self._no_time += 1
        else:
            self._untimed.append(point)

    def _say_naive(self) -> None:
        if not self._said_naive and not has_offset(self._time):
            self._said_naive = True
            text = f"The times have no zone: they were read as local time of {self._zone}."
            self.found.append(Rejection("NO_ZONE", text, note=True))

    def _close_segment(self) -> None:
        points, name = self._points, f"track {self._track} segment {self._segment}"
        bad = self._nowhere + self._no_time
        if len(points) > 1:
            if bad:
                text = f"{bad} of {self._read} points have no place on earth or no time that exists: left out."
                self.found.append(Rejection("BAD_POINTS", text, record=name, note=True))
            first, last = points[0].at, points[-1].at
            assert first
            assert last
            self.found.append(Journey("GPX", _stamp(first), first, last, self._mode, track=tuple(points)))
        elif len(self._untimed) > 1:
            metres = clean_track(self._untimed).millimetres // 1000
            text = f"The track of {metres:,} m has no times: nobody can tell on which day it was."
            self.found.append(Rejection("NO_TIME", text, record=name))
        elif self._no_time:
            self.found.append(Rejection("BAD_TIME", "The points of the track have no time that exists.", record=name))
        elif self._nowhere:
            self.found.append(Rejection("BAD_POSITION", "The points of the track lie nowhere on earth.", record=name))
        elif self._read:
            self.found.append(Rejection("TOO_SHORT", "The track has a single point.", record=name))
        self._clear()


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def journeys_in(chunks: Iterable[bytes], zone: tzinfo) -> Iterator[Journey | Rejection]:
    return found_in(chunks, _Tracks(zone))


class GpxReader(LocalReader):
    name = "GPX"
    description = "GPX tracks of phones, watches and navigation devices."
    file_kinds = (".gpx", ".zip")

    def recognises(self, head: bytes) -> bool:
        return _ROOT.search(as_utf8(head)) is not None

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        found = 0
        for item in journeys_in(chunks_of(path), self.zone):
            found += 1
            yield item
        if not found:
            raise Unreadable("NO_TRACKS", "The file has no track of a journey: planned routes and places do not count.")


READER = GpxReader()
