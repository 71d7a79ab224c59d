"""The timetable of a transit agency (GTFS), read from its zip as far as a few stops ask: where they lie, and which
trips go from one to the other.

Files are streamed and only what belongs to the wanted stops is kept, so a whole country's timetable needs little
memory. The calendar is not looked at: a person's taps are of one year, the timetable at hand often of another, and the
way is the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from domain.footprint.records import Position, TravelMode
from infra.capture.bundle import Bundle
from infra.capture.gtfs_tables import rows
from infra.capture.positions import position
from infra.capture.reader import Unreadable

TABLES = ("stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
CALLS_MAX = 2_000_000
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
    for count, (trip, call) in enumerate(calls_in(bundle, lambda row: row.get("stop_id") in near)):
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


def calls_in(bundle: Bundle, fits: Callable[[dict[str, str]], bool]) -> Iterator[tuple[str, Call]]:
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


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
