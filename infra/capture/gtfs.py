"""The timetable of a transit agency (GTFS), read from its zip as far as a few stops ask: where they lie, which trips go
from one to the other, and how long the way between them is.

Files are streamed and only what belongs to the wanted stops is kept, so a whole country's timetable needs little
memory. The way is measured along the trip's shape; a trip without a shape is measured from stop to stop. The calendar
is not looked at: a person's taps are of one year, the timetable at hand often of another, and the shape is the same.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, radians

from domain.footprint.geometry import millimetres_between
from domain.footprint.records import Position, TravelMode
from infra.capture.bundle import Bundle
from infra.capture.positions import position
from infra.capture.reader import Unreadable

TABLES = ("stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
LINE_MAX = 65_536
CALLS_MAX = 2_000_000
SHAPE_POINTS_MAX = 20_000
MATCHING_MAX = 2_000_000
"""Stops times points of one shape; more is measured from stop to stop."""
DAY_SECONDS = 86_400
_MODES = {
    range(1): TravelMode.TRAM,
    range(1, 2): TravelMode.METRO,
    range(2, 3): TravelMode.TRAIN,
    range(3, 4): TravelMode.BUS,
    range(4, 5): TravelMode.FERRY,
    range(5, 6): TravelMode.TRAM,
    range(7, 8): TravelMode.TRAIN,
    range(11, 12): TravelMode.BUS,
    range(12, 13): TravelMode.METRO,
    range(100, 118): TravelMode.TRAIN,
    range(200, 210): TravelMode.BUS,
    range(400, 405): TravelMode.METRO,
    range(405, 406): TravelMode.TRAIN,
    range(700, 717): TravelMode.BUS,
    range(800, 801): TravelMode.BUS,
    range(900, 907): TravelMode.TRAM,
    range(1000, 1001): TravelMode.FERRY,
    range(1100, 1101): TravelMode.PLANE,
    range(1200, 1201): TravelMode.FERRY,
    range(1400, 1401): TravelMode.TRAIN,
    range(1500, 1508): TravelMode.TAXI,
}
"""Route types, the basic and the extended ones."""


@dataclass(frozen=True, slots=True)
class Call:
    """A trip at a stop; seconds since the midnight that its day began with, beyond 86,400 after the next."""

    sequence: int
    stop: str
    departure: int


@dataclass(slots=True)
class Trip:
    route: str
    shape: str
    calls: list[Call]


@dataclass(frozen=True, slots=True)
class Route:
    names: frozenset[str]
    mode: TravelMode


@dataclass(frozen=True, slots=True)
class Ride:
    """A part of a trip, from one call to a later one."""

    trip: str
    mode: TravelMode
    on: Call
    off: Call


@dataclass(slots=True)
class Timetable:
    """What a feed says of the wanted stops. Names are compared in lower case."""

    stops: dict[str, Position] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    """Stops by id, code and name; a station stands for its platforms."""
    routes: dict[str, Route] = field(default_factory=dict)
    trips: dict[str, Trip] = field(default_factory=dict)
    trips_at: dict[str, set[str]] = field(default_factory=dict)
    _asked: dict[tuple[str, str, str], list[Ride]] = field(default_factory=dict)

    def has_stop(self, name: str) -> bool:
        return _key(name) in self.named

    def rides(self, on: str, off: str, line: str) -> list[Ride]:
        """Every way to go from one stop to the other; an empty line is any."""
        asked = (_key(on), _key(off), _key(line))
        if asked not in self._asked:
            self._asked[asked] = list(self._rides(*asked))
        return self._asked[asked]

    def _rides(self, on: str, off: str, line: str) -> Iterator[Ride]:
        ons, offs = self.named.get(on, set()), self.named.get(off, set())
        for name in sorted(set().union(*(self.trips_at.get(stop, ()) for stop in ons))):
            trip = self.trips[name]
            route = self.routes.get(trip.route)
            if route is None or (line and line not in route.names):
                continue
            for call in trip.calls:
                later = (other for other in trip.calls if other.stop in offs and other.sequence > call.sequence)
                off_call = next(later, None) if call.stop in ons else None
                if off_call is not None:
                    yield Ride(name, route.mode, call, off_call)

    def ride_at(self, on: str, off: str, line: str, second: int) -> Ride | None:
        """The one that departs nearest to this second of the day, be it of the day before that runs on past midnight.

        Trips of lines with another name do not count; None where no trip goes this way.
        """
        return min(self.rides(on, off, line), key=lambda ride: _apart(ride.on.departure, second), default=None)


def _apart(departure: int, second: int) -> int:
    apart = abs(departure - second) % DAY_SECONDS
    return min(apart, DAY_SECONDS - apart)


def timetable_for(bundle: Bundle, wanted: Iterable[str]) -> Timetable:
    """What the feed in this zip says of the stops with these ids, codes or names."""
    timetable = Timetable()
    keys = {_key(name) for name in wanted}
    stations = {}
    for row in rows(bundle, "stops.txt"):
        stop = row.get("stop_id", "")
        place = position(None, row.get("stop_lat", ""), row.get("stop_lon", ""))
        if place is not None:
            timetable.stops[stop] = place
        stations[stop] = row.get("parent_station", "")
        for name in (stop, row.get("stop_code", ""), row.get("stop_name", "")):
            if name and _key(name) in keys:
                timetable.named.setdefault(_key(name), set()).add(stop)
    for stops in timetable.named.values():
        stops |= {stop for stop, station in stations.items() if station in stops}
    _add_trips(timetable, bundle)
    return timetable


def _add_trips(timetable: Timetable, bundle: Bundle) -> None:
    near = set().union(*timetable.named.values()) if timetable.named else set()
    calls: dict[str, list[Call]] = {}
    for count, (trip, call) in enumerate(_calls(bundle, lambda row: row.get("stop_id") in near)):
        if count >= CALLS_MAX:
            raise Unreadable("TOO_LARGE", "The timetable has more trips at these stops than can be read at once.")
        calls.setdefault(trip, []).append(call)
    several = {trip for trip, found in calls.items() if len(found) > 1}
    for row in rows(bundle, "trips.txt"):
        name = row.get("trip_id", "")
        if name in several:
            found = sorted(calls[name], key=lambda call: call.sequence)
            timetable.trips[name] = Trip(row.get("route_id", ""), row.get("shape_id", ""), found)
            for call in found:
                timetable.trips_at.setdefault(call.stop, set()).add(name)
    for row in rows(bundle, "routes.txt"):
        names = (row.get("route_id", ""), row.get("route_short_name", ""), row.get("route_long_name", ""))
        timetable.routes[row.get("route_id", "")] = Route(
            frozenset(_key(name) for name in names if name), _mode(row.get("route_type", ""))
        )


def _calls(bundle: Bundle, fits: Callable[[dict[str, str]], bool]) -> Iterator[tuple[str, Call]]:
    for row in rows(bundle, "stop_times.txt"):
        sequence = row.get("stop_sequence", "").strip()
        if fits(row) and sequence.isascii() and sequence.isdecimal() and len(sequence) < 10:
            departure = _second(row.get("departure_time", "")) or _second(row.get("arrival_time", "")) or 0
            yield row.get("trip_id", ""), Call(int(sequence), row.get("stop_id", ""), departure)


def _second(text: str) -> int | None:
    """25:10:00 is ten past one in the night after."""
    parts = text.strip().split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 4 for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds


def _mode(text: str) -> TravelMode:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 5):
        return TravelMode.UNKNOWN
    return next((mode for types, mode in _MODES.items() if int(text) in types), TravelMode.UNKNOWN)


def ways_of(bundle: Bundle, timetable: Timetable, rides: Iterable[Ride]) -> dict[Ride, int]:
    """Millimetres of each ride, along its shape or else from stop to stop; those without either are left out."""
    wanted = set(rides)
    trips = {ride.trip for ride in wanted}
    calls: dict[str, list[Call]] = {}
    for trip, call in _calls(bundle, lambda row: row.get("trip_id") in trips):
        calls.setdefault(trip, []).append(call)
    shapes = _shapes(bundle, {timetable.trips[trip].shape for trip in trips} - {""})
    known: dict[tuple[object, ...], int] = {}
    ways = {}
    for ride in wanted:
        between = sorted(calls.get(ride.trip, []), key=lambda call: call.sequence)
        stops = [timetable.stops[call.stop] for call in between if call.stop in timetable.stops]
        first = sum(call.sequence < ride.on.sequence for call in between if call.stop in timetable.stops)
        last = sum(call.sequence < ride.off.sequence for call in between if call.stop in timetable.stops)
        shape = shapes.get(timetable.trips[ride.trip].shape, [])
        pattern = (timetable.trips[ride.trip].shape, tuple(call.stop for call in between), first, last)
        if pattern not in known:
            known[pattern] = _way(stops, shape, first, last)
        if known[pattern]:
            ways[ride] = known[pattern]
    return ways


def _way(stops: Sequence[Position], shape: Sequence[Position], first: int, last: int) -> int:
    if not 0 <= first < last < len(stops):
        return 0
    if len(shape) < 2 or len(shape) * len(stops) > MATCHING_MAX:
        return _length(stops[first : last + 1])
    places = places_along(stops, shape)
    return _length(shape[places[first] : places[last] + 1]) or _length(stops[first : last + 1])


def _length(points: Sequence[Position]) -> int:
    return sum(millimetres_between(before, after) for before, after in pairwise(points))


def _shapes(bundle: Bundle, wanted: set[str]) -> dict[str, list[Position]]:
    found: dict[str, list[tuple[int, Position]]] = {}
    if wanted and "shapes.txt" in tables_in(bundle.names):
        for row in rows(bundle, "shapes.txt"):
            name, sequence = row.get("shape_id", ""), row.get("shape_pt_sequence", "").strip()
            point = position(None, row.get("shape_pt_lat", ""), row.get("shape_pt_lon", ""))
            if name in wanted and point is not None and sequence.isascii() and sequence.isdecimal():
                points = found.setdefault(name, [])
                if len(points) < SHAPE_POINTS_MAX:
                    points.append((int(sequence[:12]), point))
    return {name: [point for _place, point in sorted(points, key=_place)] for name, points in found.items()}


def _place(numbered: tuple[int, Position]) -> int:
    return numbered[0]


def places_along(stops: Sequence[Position], shape: Sequence[Position]) -> list[int]:
    """For each stop the point of the shape where the vehicle stops, never before that of the stop ahead of it.

    The choice with the least sum of squared distances: a shape that passes a stop twice, such as a loop, is told apart
    by the order of the stops.
    """
    scale = cos(radians(stops[0].latitude))
    line = [(float(point.latitude), float(point.longitude) * scale) for point in shape]
    chosen: list[list[int]] = []
    costs = [0.0] * len(line)
    for stop in stops:
        north, east = float(stop.latitude), float(stop.longitude) * scale
        best, best_at, choice, summed = float("inf"), 0, [], []
        for at, (latitude, longitude) in enumerate(line):
            cost = costs[at] + (latitude - north) ** 2 + (longitude - east) ** 2
            if cost < best:
                best, best_at = cost, at
            choice.append(best_at)
            summed.append(best)
        chosen.append(choice)
        costs = summed
    places = []
    at = len(line) - 1
    for choice in reversed(chosen):
        at = choice[at]
        places.append(at)
    return places[::-1]


def tables_in(names: Iterable[str]) -> dict[str, str]:
    """The files of a feed by their names without folder; of two the one less deep."""
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (-name.count("/"), name)):
        found[name.rpartition("/")[2].lower()] = name
    return found


def rows(bundle: Bundle, table: str) -> Iterator[dict[str, str]]:
    yield from table_rows(bundle, tables_in(bundle.names)[table])


def table_rows(bundle: Bundle, name: str) -> Iterator[dict[str, str]]:
    """Rows of a CSV file of the zip by its header, in lower case; raises Unreadable where it is no table."""
    reader = csv.reader(_lines(bundle.chunks(name)), skipinitialspace=True)
    try:
        header = [cell.strip().strip("\ufeff").lower() for cell in next(reader, [])]
        for row in reader:
            if row:
                yield dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise Unreadable("DAMAGED_TABLE", f"Line {reader.line_num} of {name[:100]!r} is no row of a table.") from error


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_MAX or any(len(line) > LINE_MAX for line in whole):
            raise Unreadable("LINE_TOO_LONG", "The timetable has a line that is longer than any row.")
        for line in whole:
            yield line.decode("utf-8", "replace") + "\n"
    if rest:
        yield rest.decode("utf-8", "replace")


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
