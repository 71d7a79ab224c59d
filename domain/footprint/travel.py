"""From what a source says of a journey to what counts: how far, how, and once.

Distance: the source's own, but never less than the straight line between its ends, which some phones write; without
one, the cleaned track. Mode: the source's own word first; where it has none, or only that an engine was at work, the
speeds along the track; what no speed can tell is left open and asked. A word that the speed contradicts, or that the
source itself doubts, is asked too.

One movement counts once. Within a file journeys are taken in this order: those whose source states the mode without
doubt (a workout, a tap, an answer), those with a mode that the phone thinks likely, those by speed alone; of equals the
longer in time, then the earlier. A later one that shares half its time or more with these, and goes as far in it, is
the same movement: it does not count. If it goes much less or more far, nobody can have made both: it is asked about.
Where it shares less of its time, a track counts for the rest, and a bare distance is asked about. A tenth is nothing:
clocks differ.
"""

import hashlib
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from domain.footprint.geometry import cell_of, is_on_the_globe, millimetres_between
from domain.footprint.records import Journey, TravelMode
from domain.footprint.tracks import PLANE, SPEED_MAX, CleanTrack, clean_track, milliseconds, mode_of

SURE = Decimal("0.5")
ONLY_MEAN = frozenset({TravelMode.UNKNOWN, TravelMode.MOTORISED})
MUSCLE = frozenset({TravelMode.WALK, TravelMode.BICYCLE})
SAME_PERCENT = 50
APART_PERCENT = 10
BEGUN_BEFORE_MAX = 50
ROUND_TRIP = 4
"""So many times as long as the straight line between its ends, a journey is a tour and not a way to somewhere."""
_ELSEWHERE = "Another journey of the same file takes this time, and nobody makes two at once."
_MEAN_MAX = {TravelMode.WALK: 7_000, TravelMode.BICYCLE: 20_000}
"""Millimetres a second that nobody keeps up over a whole journey."""
_FLIGHT_MIN = 15_000
_SHORT_METRES = 1_000
"""Shorter ones are not timed well enough to tell a speed."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A judged journey. `doubt` is the question to the person where there is one; `track` only where it measured.

    `way` names from where to where it went, the same for each journey between these places, and does not tell them;
    empty where they are not known, the journey ends where it began, or the doubt is not about the mode.
    """

    journey: Journey
    mode: TravelMode
    metres: int
    doubt: str = ""
    caveats: tuple[str, ...] = ()
    track: CleanTrack | None = None
    way: str = ""

    @property
    def start(self) -> int:
        return milliseconds(self.journey.start)

    @property
    def end(self) -> int:
        return milliseconds(self.journey.end)

    @property
    def certainty(self) -> int:
        if self.journey.mode in ONLY_MEAN:
            return 0
        return 2 if self.journey.likelihood is None else 1


class NoJourney(Exception):
    """What the source calls a journey cannot be one."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def trip_of(journey: Journey) -> Trip:
    """Raises NoJourney."""
    track = clean_track(journey.track)
    if track.reversed and track.reversed * 2 >= len(journey.track):
        raise NoJourney("REVERSED_TIME", "The times of the track run backwards.")
    metres, caveats = _metres(journey, track)
    elapsed = milliseconds(journey.end) - milliseconds(journey.start)
    if metres < 1:
        raise NoJourney("NO_DISTANCE", "The journey went nowhere.")
    if elapsed < 1:
        raise NoJourney("BAD_INTERVAL", f"The journey of {metres:,} m took no time.")
    mean = metres * 1_000_000 // elapsed
    if mean > SPEED_MAX:
        raise NoJourney("ABSURD_SPEED", f"{metres:,} m in {elapsed // 1000:,} s is faster than any airliner.")
    if track.dropped:
        caveats = (*caveats, f"{track.dropped} of {len(journey.track)} points were errors and left out.")
    mode, doubt = _mode(journey, track, mean, metres)
    bare = replace(journey, track=())
    measured = track if journey.metres is None and track.times else None
    return Trip(bare, mode, metres, doubt, caveats, measured, _way(journey, metres))


def _way(journey: Journey, metres: int) -> str:
    ends = [point for point in journey.track if is_on_the_globe(point)]
    if len(ends) < 2 or millimetres_between(ends[0], ends[-1]) * ROUND_TRIP < metres * 1000:
        return ""
    return hashlib.sha256(repr((cell_of(ends[0]), cell_of(ends[-1]))).encode()).hexdigest()[:32]


def _metres(journey: Journey, track: CleanTrack) -> tuple[int, tuple[str, ...]]:
    if journey.metres is None:
        return _whole(Decimal(track.millimetres) / 1000), ()
    stated = _whole(journey.metres)
    straight = (
        _whole(Decimal(clean_track((journey.track[0], journey.track[-1])).millimetres) / 1000) if track.reached else 0
    )
    if straight <= stated:
        return stated, ()
    return straight, (f"The source says {stated:,} m, less than the straight line between start and end, which holds.",)


def _whole(metres: Decimal) -> int:
    return int(metres.to_integral_value(ROUND_HALF_EVEN))


def _mode(journey: Journey, track: CleanTrack, mean: int, metres: int) -> tuple[TravelMode, str]:
    """The mode and the doubt about it; `mean` is in millimetres a second."""
    mode = journey.mode
    if mode in ONLY_MEAN:
        by_speed = mode_of(track) if len(track.times) > 1 else TravelMode.UNKNOWN
        if by_speed is TravelMode.UNKNOWN and mean > PLANE:
            by_speed = TravelMode.PLANE
        if mode is TravelMode.UNKNOWN or by_speed is TravelMode.PLANE:
            mode = by_speed
    if metres >= _SHORT_METRES and mean > _MEAN_MAX.get(mode, SPEED_MAX):
        return TravelMode.MOTORISED, f"{mean * 36 // 10_000} km/h is faster than anybody walks or cycles."
    if mode is TravelMode.PLANE and mean < _FLIGHT_MIN:
        return TravelMode.UNKNOWN, f"{mean * 36 // 10_000} km/h on the whole way is slow for a plane."
    if mode not in ONLY_MEAN | MUSCLE and journey.likelihood is not None and journey.likelihood < SURE:
        return mode, "The phone was not sure of this."
    return mode, ""


@dataclass(slots=True)
class Once:
    """What is left of a file's trips when each moment counts once: by position among them."""

    lost: list[int]
    changed: dict[int, Trip]


def once(trips: Sequence[Trip]) -> Once:
    """Which trips do not count because others hold the same movement, and which count otherwise than alone."""
    taken = _Taken()
    result = Once([], {})
    for index in sorted(range(len(trips)), key=lambda index: _rank(trips[index])):
        trip = trips[index]
        overlaps = taken.within(trip.start, trip.end)
        shared = sum(end - start for start, end in overlaps)
        if shared * 100 >= APART_PERCENT * (trip.end - trip.start):
            rest = _rest(trip, overlaps, shared, taken)
            if rest is None:
                result.lost.append(index)
                continue
            result.changed[index] = rest
        taken.add(trip)
    return result


def _rank(trip: Trip) -> tuple[int, int, int]:
    return -trip.certainty, trip.start - trip.end, trip.start


def _rest(trip: Trip, overlaps: Sequence[tuple[int, int]], shared: int, taken: "_Taken") -> Trip | None:
    """What counts of a trip that shares so many milliseconds with others; None where it is the same movement."""
    if shared * 100 >= SAME_PERCENT * (trip.end - trip.start):
        own, theirs = trip.metres * shared // (trip.end - trip.start), taken.metres_in(trip.start, trip.end)
        is_same = trip.certainty == 0 or trip.mode in MUSCLE or theirs <= 2 * own <= 4 * theirs
        return None if is_same else replace(trip, doubt=_ELSEWHERE, way="")
    if trip.track is None:
        return replace(trip, doubt=_ELSEWHERE, way="")
    elsewhere = sum(trip.track.millimetres_at(end) - trip.track.millimetres_at(start) for start, end in overlaps)
    metres = _whole(Decimal(trip.track.millimetres - elsewhere) / 1000)
    caveat = f"{trip.metres - metres:,} m of the track were gone on other journeys of the same file, which count them."
    return replace(trip, metres=metres, caveats=(*trip.caveats, caveat)) if metres >= 1 else None


class _Taken:
    """Trips that count: their times joined into spans that lie apart, and each of them by its start."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []
        self._trips: list[tuple[int, int, int]] = []

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The pieces between start and end that are taken."""
        first = bisect_left(self._spans, (start, start))
        first -= bool(first and self._spans[first - 1][1] > start)
        last = bisect_left(self._spans, (end, end))
        return [(max(begun, start), min(ended, end)) for begun, ended in self._spans[first:last]]

    def metres_in(self, start: int, end: int) -> int:
        """How far the trips went in this time, as if each went evenly. Of those that began before, the last few."""
        first = max(0, bisect_left(self._trips, (start, 0, 0)) - BEGUN_BEFORE_MAX)
        last = bisect_left(self._trips, (end, 0, 0))
        return sum(
            gone * max(0, min(ended, end) - max(begun, start)) // (ended - begun)
            for begun, ended, gone in self._trips[first:last]
        )

    def add(self, trip: Trip) -> None:
        start, end = trip.start, trip.end
        insort(self._trips, (start, end, trip.metres))
        first = bisect_left(self._spans, (start, start))
        first -= bool(first and self._spans[first - 1][1] >= start)
        last = bisect_left(self._spans, (end, end + 1))
        joined = self._spans[first:last]
        if joined:
            start, end = min(start, joined[0][0]), max(end, joined[-1][1])
        self._spans[first:last] = [(start, end)]
