"""Degrees and metres as files write them."""

import re
from datetime import datetime
from decimal import Decimal

from domain.footprint.geometry import is_on_the_globe
from domain.footprint.records import Position

_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)
_PLACES_MAX = Decimal("0.000000001")
"""A tenth of a millimetre on the ground; more digits are noise of some computer's arithmetic."""


def number(value: object) -> Decimal | None:
    """The finite number that a file gives as text or as a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = str(value).strip()
    return Decimal(text) if len(text) <= 50 and _NUMBER.fullmatch(text) else None


def when(point: Position) -> datetime:
    """The time of a point that has one."""
    assert point.at
    return point.at


def position(at: datetime | None, latitude: object, longitude: object, accuracy: object = None) -> Position | None:
    """None where it lies nowhere on earth. An accuracy that is no number above zero is not known."""
    north, east, within = number(latitude), number(longitude), number(accuracy)
    if north is None or east is None:
        return None
    point = Position(at, north, east, within.quantize(Decimal("0.1")) if within and 0 < within < 10**9 else None)
    if not is_on_the_globe(point):
        return None
    return Position(at, north.quantize(_PLACES_MAX), east.quantize(_PLACES_MAX), point.accuracy_metres)
