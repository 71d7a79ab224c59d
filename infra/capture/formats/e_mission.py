"""e-mission and OpenPATH: the entries that a phone's app wrote, as a list of {"metadata": {"key"}, "data"}.

Positions come in any order and twice. They are put in order and cut into trips where the phone was silent for five
minutes, and trips into sections where the phone's own motion sensor changes its mind: in a vehicle, by bicycle, on
foot. A phone notices late that somebody left, so a section begins where the last trip ended when that is near. What
the person said of a trip (manual/mode_confirm) holds above the sensor; of several answers the one written last.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from domain.footprint.geometry import millimetres_between
from domain.footprint.model import Rejection
from domain.footprint.records import Journey, Position, TravelMode
from infra.capture.json_stream import inside, items_in, text
from infra.capture.positions import number, position, when
from infra.capture.reader import Unreadable
from infra.capture.text import start_of

SOURCE = "e-mission"
POINTS_MAX = 300_000
ANSWERS_MAX = 20_000
SILENCE = timedelta(minutes=5)
FLICKER = timedelta(seconds=90)
"""A change of the sensor's mind that lasts shorter is none."""
CONFIDENCE_MIN = 50
SURE_PERCENT = 60
"""Where the sensor is less sure, or torn between two modes, the speeds decide."""
BRIDGE_MIN_METRES = 100
BRIDGE_MAX_METRES = 3_000
"""Farther than this the phone was off, and nobody knows what happened."""

_KEYS = (b'"background/', b'"statemachine/', b'"manual/', b'"analysis/', b'"stats/')
_SENSED = {
    0: TravelMode.MOTORISED,
    1: TravelMode.BICYCLE,
    2: TravelMode.WALK,
    7: TravelMode.WALK,
    8: TravelMode.WALK,
    11: TravelMode.UNKNOWN,
}
_ANSWERS = {
    "walk": (TravelMode.WALK, 1),
    "bike": (TravelMode.BICYCLE, 1),
    "bikeshare": (TravelMode.BICYCLE, 1),
    "pilot_ebike": (TravelMode.BICYCLE, 1),
    "drove_alone": (TravelMode.CAR, 1),
    "driver": (TravelMode.CAR, 1),
    "shared_ride": (TravelMode.CAR, 2),
    "passenger": (TravelMode.CAR, 2),
    "taxi": (TravelMode.TAXI, 1),
    "bus": (TravelMode.BUS, 1),
    "free_shuttle": (TravelMode.BUS, 1),
    "train": (TravelMode.TRAIN, 1),
    "tram": (TravelMode.TRAM, 1),
    "air": (TravelMode.PLANE, 1),
    "motorcycle": (TravelMode.MOTORCYCLE, 1),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    start: datetime
    end: datetime
    mode: TravelMode
    shared_by: int


class _Trace:
    """Everything that is of use in the entries, in the order of time."""

    def __init__(self, path: Path) -> None:
        self.entries = self.bad = 0
        self._filtered: dict[datetime, Position] = {}
        self._raw: dict[datetime, Position] = {}
        self._motion: dict[datetime, tuple[TravelMode, int]] = {}
        self._answers: dict[tuple[datetime, datetime], tuple[Decimal, _Answer]] = {}
        for entry in items_in(path, "item"):
            self.entries += 1
            self._take(text(inside(entry, "metadata", "key")), entry)
        points = self._filtered or self._raw
        self.points = [points[at] for at in sorted(points)]
        self.motion = [(at, *self._motion[at]) for at in sorted(self._motion)]
        self.answers = sorted((answer for _written, answer in self._answers.values()), key=lambda one: one.start)

    def _take(self, key: str, entry: Any) -> None:
        data = inside(entry, "data")
        if key in ("background/filtered_location", "background/location"):
            at = _moment(inside(data, "ts"))
            point = position(at, inside(data, "latitude"), inside(data, "longitude"), inside(data, "accuracy"))
            points = self._filtered if key.endswith("filtered_location") else self._raw
            if at is None or point is None:
                self.bad += 1
            else:
                points[at] = point
            if len(points) > POINTS_MAX:
                raise Unreadable("TOO_MANY_POINTS", f"The file has more than {POINTS_MAX:,} points. Send it in parts.")
        elif key == "background/motion_activity":
            at, mode = _moment(inside(data, "ts")), _SENSED.get(_whole(inside(data, "type")))
            confidence = _whole(inside(data, "confidence"))
            if at is not None and mode is not None and confidence >= CONFIDENCE_MIN and len(self._motion) < POINTS_MAX:
                self._motion[at] = (mode, min(100, confidence))
        elif key in ("manual/mode_confirm", "manual/trip_user_input"):
            self._answer(data, number(inside(entry, "metadata", "write_ts")) or Decimal(0))

    def _answer(self, data: Any, written: Decimal) -> None:
        start, end = _moment(inside(data, "start_ts")), _moment(inside(data, "end_ts"))
        found = _ANSWERS.get(text(inside(data, "label")).lower().replace(" ", "_"))
        if start is None or end is None or found is None or end <= start or len(self._answers) >= ANSWERS_MAX:
            return
        earlier = self._answers.get((start, end))
        if earlier is None or earlier[0] <= written:
            self._answers[start, end] = (written, _Answer(start, end, *found))

    def sensed(self, start: datetime, end: datetime) -> list[tuple[datetime, TravelMode, int]]:
        first = bisect_left(self.motion, start, key=lambda sample: sample[0])
        last = bisect_right(self.motion, end, key=lambda sample: sample[0])
        return self.motion[first:last]

    def answer(self, start: datetime, end: datetime) -> _Answer | None:
        """What the person said of at least half of this time."""
        last = bisect_right(self.answers, end, key=lambda answer: answer.start)
        for answer in reversed(self.answers[max(0, last - 20) : last]):
            if 2 * (min(answer.end, end) - max(answer.start, start)) >= end - start:
                return answer
        return None


def _moment(value: Any) -> datetime | None:
    seconds = number(value)
    if seconds is None or not 0 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(seconds * 10**6))


def _whole(value: Any) -> int:
    found = number(value)
    return int(found) if found is not None and abs(found) < 10**6 else -1


def _trips(points: Sequence[Position]) -> Iterator[list[Position]]:
    trip = list(points[:1])
    for before, point in pairwise(points):
        if when(point) - when(before) > SILENCE:
            yield trip
            trip = []
        trip.append(point)
    if trip:
        yield trip


def _turns(samples: list[tuple[datetime, TravelMode, int]], end: datetime) -> list[datetime]:
    """When the sensor changed its mind for longer than FLICKER."""
    runs: list[tuple[datetime, TravelMode]] = []
    for at, mode, _confidence in samples:
        if not runs or runs[-1][1] is not mode:
            runs.append((at, mode))
    lasting: list[tuple[datetime, TravelMode]] = []
    for (at, mode), (until, _next) in pairwise([*runs, (end, TravelMode.UNKNOWN)]):
        if (until - at >= FLICKER or not lasting) and not (lasting and lasting[-1][1] is mode):
            lasting.append((at, mode))
    return [at for at, _mode in lasting[1:]]


def _sections(trip: list[Position], turns: list[datetime]) -> Iterator[list[Position]]:
    """The trip cut at these times; the point before a cut belongs to both sides."""
    rest = trip
    for turn in turns:
        cut = bisect_left(rest, turn, key=when)
        if 0 < cut < len(rest):
            yield rest[:cut]
            rest = rest[cut - 1 :]
    yield rest


def _bridged(section: list[Position], last: Position | None) -> list[Position]:
    """With the end of the trip before as its start, when that is near enough."""
    if last is None or len(section) < 2:
        return section
    gap = millimetres_between(last, section[0]) // 1000
    if not BRIDGE_MIN_METRES <= gap <= BRIDGE_MAX_METRES:
        return section
    gone = sum(millimetres_between(one, other) for one, other in pairwise(section)) // 1000
    took = int((when(section[-1]) - when(section[0])).total_seconds())
    if gone == 0 or not took:
        return section
    silent = int((when(section[0]) - when(last)).total_seconds())
    left = when(section[0]) - timedelta(seconds=min(silent, took * gap // gone))
    return [Position(left, last.latitude, last.longitude), *section]


def _journey(section: list[Position], record: str, trace: _Trace) -> Journey:
    start, end = when(section[0]), when(section[-1])
    answer = trace.answer(start, end)
    samples = trace.sensed(start, end)
    mode, likelihood, shared_by = TravelMode.UNKNOWN, None, 1
    if answer is not None:
        mode, shared_by = answer.mode, answer.shared_by
    elif samples:
        weights: Counter[TravelMode] = Counter()
        for _at, sensed, confidence in samples:
            weights[sensed] += confidence
        sensed, weight = weights.most_common(1)[0]
        if weight >= SURE_PERCENT * len(samples):
            mode = sensed
            likelihood = (Decimal(weight) / (100 * len(samples))).quantize(Decimal("0.01"))
    return Journey(SOURCE, record, start, end, mode, None, tuple(section), likelihood, shared_by)


def _journeys(trace: _Trace) -> Iterator[Journey | Rejection]:
    last: Position | None = None
    for trip in _trips(trace.points):
        turns = _turns(trace.sensed(when(trip[0]), when(trip[-1])), when(trip[-1]))
        for number_, section in enumerate(_sections(trip, turns)):
            if len(section) > 1:
                record = when(section[0]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                yield _journey(_bridged(section, last) if number_ == 0 else section, record, trace)
        if last is not None and millimetres_between(last, trip[0]) > BRIDGE_MAX_METRES * 1000:
            far = millimetres_between(last, trip[0]) // 1_000_000
            said = f"The phone was silent for {far:,} km before {when(trip[0]):%Y-%m-%d %H:%M} UTC: not counted."
            yield Rejection("GAP", said, note=True)
        last = trip[-1]
    if trace.bad:
        said = f"{trace.bad} points have no place on earth or no time that exists: left out."
        yield Rejection("BAD_POINTS", said, note=True)


class EMissionReader:
    name = "E_MISSION"
    description = "Phone traces of e-mission and OpenPATH."
    file_kinds = (".json", ".zip")

    def recognises(self, head: bytes) -> bool:
        return start_of(head).startswith(b"[") and b'"metadata"' in head and any(key in head for key in _KEYS)

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        trace = _Trace(path)
        if len(trace.points) < 2:
            raise Unreadable("NO_POSITIONS", "The file has no positions of a phone that could be a journey.")
        yield from _journeys(trace)


READER = EMissionReader()
