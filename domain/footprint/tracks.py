"""From the points of a track to how far it goes and how somebody moved along it.

Measured in whole milliseconds and millimetres. What a receiver gets wrong is taken out first: points that lie nowhere,
that go back in time, that could only be reached at more than 350 m/s, and, where the receiver says how accurate it was,
points worse than 60 m beside better ones, steps shorter than that accuracy, and spikes (there and back at more than
8 m/s). These bounds fit the cleaned lengths of the e-mission example days best; raw points made walks up to 80 % too
long there.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.footprint.geometry import is_on_the_globe, millimetres_between
from domain.footprint.records import Position, TravelMode

SPEED_MAX = 350_000
"""Millimetres a second: above every airliner over the ground."""
ACCURACY_MAX_METRES = 60
STAND_IN_MILLISECONDS = 60_000
STEP_MIN_METRES_MAX = 50
SPIKE_METRES = 20
SPIKE_MILLIMETRES_A_SECOND = 8_000
LOST_SHARE_MAX = 2
"""One point in two may be wrong; of a track with more wrong ones nothing is believed."""

PLANE = 83_000
NOT_MOTORISED_95 = 7_500
NOT_MOTORISED_85 = 6_500
WALKING = 2_200
MOVING = 300
"""Millimetres a second."""
SPEEDS_MIN = 4
SPACING_MAX_MILLISECONDS = 180_000
"""Fewer or sparser points say nothing about walking: a car that stops between them looks slow."""


@dataclass(slots=True)
class CleanTrack:
    """A clean track: when each point was passed, and how far it lies from the first one along the way."""

    times: "array[int]" = field(default_factory=lambda: array("q"))
    reached: "array[int]" = field(default_factory=lambda: array("q"))
    dropped: int = 0
    reversed: int = 0

    @property
    def millimetres(self) -> int:
        return self.reached[-1] if self.reached else 0

    def millimetres_at(self, moment: int) -> int:
        """How far it had gone by then, as if it went evenly between two points."""
        if not self.times or moment <= self.times[0]:
            return 0
        after = bisect_right(self.times, moment)
        if after == len(self.times):
            return self.millimetres
        start, end = self.times[after - 1], self.times[after]
        gone = self.reached[after] - self.reached[after - 1]
        return self.reached[after - 1] + gone * (moment - start) // (end - start)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def clean_track(track: Sequence[Position]) -> CleanTrack:
    """The track without its errors. Points without a time count only where none has one: then there are no times."""
    points = [point for point in track if is_on_the_globe(point)]
    if any(point.at for point in points):
        points = [point for point in points if point.at]
    dropped = len(track) - len(points)
    points, backwards = _forward(points)
    chain = _reachable(_without_poor(points))
    dropped += backwards + len(points) - len(chain)
    if any(point.accuracy_metres for point in chain):
        chain = _without_spikes(_without_jitter(chain))
    return _measured(chain, dropped, backwards)


def _measured(points: list[Position], dropped: int, backwards: int) -> CleanTrack:
    clean = CleanTrack(dropped=dropped, reversed=backwards)
    gone = 0
    for index, point in enumerate(points):
        gone += millimetres_between(points[index - 1], point) if index else 0
        clean.reached.append(gone)
        if point.at:
            clean.times.append(milliseconds(point.at))
    return clean


def mode_of(track: CleanTrack) -> TravelMode:
    """What the speeds say. Bus, car and train are MOTORISED: no speed tells them apart."""
    pairs = range(1, len(track.times))
    spacings = sorted(track.times[index] - track.times[index - 1] for index in pairs)
    speeds = sorted(_speed(track, index) for index in pairs if track.times[index] > track.times[index - 1])
    if not speeds:
        return TravelMode.UNKNOWN
    if _percentile(speeds, 95) > PLANE:
        return TravelMode.PLANE
    if _percentile(speeds, 95) > NOT_MOTORISED_95 and _percentile(speeds, 85) > NOT_MOTORISED_85:
        return TravelMode.MOTORISED
    if len(speeds) < SPEEDS_MIN or spacings[len(spacings) // 2] > SPACING_MAX_MILLISECONDS:
        return TravelMode.UNKNOWN
    moving = [speed for speed in speeds if speed >= MOVING]
    if not moving:
        return TravelMode.UNKNOWN
    return TravelMode.WALK if _percentile(moving, 50) <= WALKING else TravelMode.BICYCLE


def _percentile(ordered: Sequence[int], percent: int) -> int:
    """Between the two nearest ranks, as spreadsheets do it."""
    place, part = divmod((len(ordered) - 1) * percent, 100)
    if not part:
        return ordered[place]
    return ordered[place] + (ordered[place + 1] - ordered[place]) * part // 100


def _speed(track: CleanTrack, index: int) -> int:
    """Millimetres a second between this point and the one before."""
    gone = track.reached[index] - track.reached[index - 1]
    return gone * 1000 // (track.times[index] - track.times[index - 1])


def _accuracy(point: Position) -> int:
    return int(point.accuracy_metres) if point.accuracy_metres is not None else 0


def _forward(points: Sequence[Position]) -> tuple[list[Position], int]:
    """The points that do not go back in time, and how many do."""
    kept: list[Position] = []
    for point in points:
        if not kept or point.at is None or (kept[-1].at is not None and point.at >= kept[-1].at):
            kept.append(point)
    return kept, len(points) - len(kept)


def _without_poor(points: list[Position]) -> list[Position]:
    """Without inaccurate points that an accurate one stands in for, within a minute before or after."""
    good = [milliseconds(point.at) for point in points if point.at and _accuracy(point) <= ACCURACY_MAX_METRES]
    return [point for point in points if _accuracy(point) <= ACCURACY_MAX_METRES or not _is_near(good, point)]


def _is_near(times: Sequence[int], point: Position) -> bool:
    if point.at is None:
        return False
    at = milliseconds(point.at)
    first = bisect_right(times, at - STAND_IN_MILLISECONDS)
    return first < len(times) and times[first] <= at + STAND_IN_MILLISECONDS


def _reachable(points: list[Position]) -> list[Position]:
    """The longer of two chains of points that can be reached from one another: from the first, or past it."""
    chain, first_lost = _chain(points, 0)
    if first_lost and len(chain) * LOST_SHARE_MAX < len(points):
        other, _lost = _chain(points, first_lost)
        return max(chain, other, key=len)
    return chain


def _chain(points: list[Position], start: int) -> tuple[list[Position], int]:
    chain = points[start : start + 1]
    first_lost = 0
    for index in range(start + 1, len(points)):
        if _is_teleport(chain[-1], points[index]):
            first_lost = first_lost or index
        else:
            chain.append(points[index])
    return chain, first_lost


def _is_teleport(one: Position, other: Position) -> bool:
    if one.at is None or other.at is None:
        return False
    elapsed = max(1000, milliseconds(other.at) - milliseconds(one.at))
    return millimetres_between(one, other) * 1000 > SPEED_MAX * elapsed


def _without_jitter(points: list[Position]) -> list[Position]:
    """Without steps that are shorter than the receiver's own doubt: somebody who stands still does not move."""
    kept = points[:1]
    for point in points[1:]:
        least = min(STEP_MIN_METRES_MAX, max(_accuracy(kept[-1]), _accuracy(point)))
        if millimetres_between(kept[-1], point) >= least * 1000:
            kept.append(point)
    return kept


def _without_spikes(points: list[Position]) -> list[Position]:
    """Without points that lie aside: there and back is half as long again as straight on, at a speed no walker has."""
    kept: list[Position] = []
    for point in points:
        while len(kept) > 1 and _is_spike(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return kept


def _is_spike(before: Position, point: Position, after: Position) -> bool:
    if before.at is None or point.at is None or after.at is None:
        return False
    there, back = millimetres_between(before, point), millimetres_between(point, after)
    if 2 * (there + back) <= 3 * millimetres_between(before, after) + 2 * SPIKE_METRES * 1000:
        return False
    out = max(1000, milliseconds(point.at) - milliseconds(before.at))
    home = max(1000, milliseconds(after.at) - milliseconds(point.at))
    return max(there * 1000 // out, back * 1000 // home) > SPIKE_MILLIMETRES_A_SECOND
