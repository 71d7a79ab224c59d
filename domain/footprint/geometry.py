"""Distances on the earth, taken as a sphere of its mean radius (IUGG: 6,371,008.8 m).

Trigonometry is inexact, so this is the one place that uses it: what leaves is a whole number of millimetres, which add
up exactly. Whole metres would not do here: a walker whose watch writes every second moves 1.4 m between two points.
"""

from math import asin, cos, floor, radians, sin, sqrt

from domain.footprint.records import Position

EARTH_RADIUS_MILLIMETRES = 6_371_008_800
CELL_MILLIMETRES = 200_000


def millimetres_between(one: Position, other: Position) -> int:
    """Great-circle distance by the haversine formula; both positions are on the globe (`is_on_the_globe`)."""
    south, north = radians(one.latitude), radians(other.latitude)
    across = sin(radians(other.longitude - one.longitude) / 2) ** 2
    chord = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * across
    return round(2 * EARTH_RADIUS_MILLIMETRES * asin(sqrt(min(1, chord))))


def is_on_the_globe(position: Position) -> bool:
    latitude, longitude = position.latitude, position.longitude
    return latitude.is_finite() and longitude.is_finite() and abs(latitude) <= 90 and abs(longitude) <= 180


def cell_of(position: Position) -> tuple[int, int]:
    """The cell of about 200 m by 200 m that a position on the globe lies in, by row and column."""
    radius = EARTH_RADIUS_MILLIMETRES // CELL_MILLIMETRES
    row = floor(radians(position.latitude) * radius)
    return row, floor(radians(position.longitude) * radius * cos(row / radius))
