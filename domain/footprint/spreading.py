"""Readings over a long time, a bill of two months: each local day has the part of the value that its time makes.

What lasts no longer than the longest local day counts on the day in which it starts: a half hour over midnight, a day
from clock time to clock time, the gas industry's day from five or six in the morning.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

LONGEST_DAY = timedelta(hours=25)
_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_DECIMAL_PLACES_MIN = 3


class DayPart(NamedTuple):
    day: date
    starts_at: datetime
    ends_at: datetime
    value: Decimal


def is_long(starts_at: datetime, ends_at: datetime) -> bool:
    return ends_at - starts_at > LONGEST_DAY


def local_days(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> Iterator[tuple[date, datetime]]:
    """The days of an interval in this zone, each with the moment up to which it lasts within the interval.

    A day begins at its first midnight, or when the clock jumps over that.
    """
    day, at = starts_at.astimezone(zone).date(), starts_at
    while at < ends_at:
        following = datetime.combine(day + _DAY, time.min, zone).astimezone(UTC)
        until = min(ends_at, following)
        if until > at:
            yield day, until
            at = until
        day += _DAY


def parts_of(starts_at: datetime, ends_at: datetime, value: Decimal, zone: ZoneInfo) -> Iterator[DayPart]:
    """The part of each local day, in thousandths or in the value's own decimal places where it has more.

    Rounding goes on from day to day: the parts are the whole, and each is within a unit of its share of the time.
    """
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    places = max(_DECIMAL_PLACES_MIN, -exponent)
    units = int(value.scaleb(places))
    length = (ends_at - starts_at) // _INSTANT
    at, given = starts_at, 0
    for day, until in local_days(starts_at, ends_at, zone):
        reached = units * ((until - starts_at) // _INSTANT) // length
        yield DayPart(day, at, until, Decimal(reached - given).scaleb(-places))
        at, given = until, reached
