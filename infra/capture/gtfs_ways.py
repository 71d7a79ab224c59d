"""How far the rides of a timetable (GTFS) go: along their shapes, else from stop to stop."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import cos, radians

from domain.footprint.geometry import millimetres_between
from domain.footprint.records import Position
from infra.capture.bundle import Bundle
from infra.capture.gtfs import Call, Ride, Timetable, calls_in
from infra.capture.gtfs_tables import rows, tables_in
from infra.capture.positions import position

SHAPE_POINTS_MAX = 20_000
MATCHING_MAX = 2_000_000
"""Stops times points of one shape; more is measured from stop to stop."""


def ways_of(bundle: Bundle, timetable: Timetable, rides: Iterable[Ride]) -> dict[Ride, int]:
    """Millimetres of each ride, along its shape or else from stop to stop; those without either are left out."""
    wanted = set(rides)
    trips = {ride.trip for ride in wanted}
    calls: dict[str, list[Call]] = {}
    for trip, call in calls_in(bundle, lambda row: row.get("trip_id") in trips):
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
