"""What is odd enough to ask its owner about before it counts, each with words for the person. Pure.

Nothing is ever changed or dropped here: an activity that is doubted waits in quarantine. Meter days are not compared
with habit: heating and sun make seasons that differ twentyfold, so a meter is judged by what a connection can carry.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from domain.footprint.meter_checks import METER_MAX_KW
from domain.footprint.model import Activity, ActivitySource
from domain.footprint.units import IncompatibleUnits, convert, plain

SAMPLE_MAX = 64
KNOWN_MIN = 8
"""So many activities of one factor must be known before a new one is compared with them."""
DEVIATIONS_MAX = 10
TIMES_MEDIAN_MIN = 5
CONFIRMED_GRACE = Decimal("1.5")
"""Up to so many times the largest that the person confirmed is not asked about again."""
FRESH_EVERY = 32
SLOW_METRES = 5_000
"""Shorter trips are not timed well enough to tell a speed."""
JOURNEY_MAX_TIME = timedelta(days=7)
OVERLAP_MAX = timedelta(minutes=5)

_KMH_MAX = (
    ("transport.ademe.marche", 30),
    ("transport.ademe.velo", 120),
    ("transport.ferry", 150),
    ("transport.flight", 1_300),
    ("transport.ngc.flight", 1_300),
    ("transport.ademe.avion", 1_300),
    ("transport.rail", 600),
    ("transport.ngc.rail", 600),
    ("transport.ademe", 600),
    ("transport.", 350),
)
"""Faster than any such vehicle in service goes on average, the first that fits."""
_TRAVEL = frozenset({"transport", "flight"})
_KILOMETRES = {"km": "km", "mile": "km", "passenger_km": "passenger_km", "passenger_mile": "passenger_km"}


class Habit:
    """What a person's activities of one factor usually are, in the factor's unit: the last SAMPLE_MAX counted ones."""

    def __init__(self, sample: Iterable[Decimal] = (), confirmed: Decimal | None = None) -> None:
        self.sample = list(islice(sample, SAMPLE_MAX))
        self.confirmed = confirmed
        self.learned = 0
        self._most: Decimal | None = None

    def learn(self, quantity: Decimal) -> None:
        self.sample.append(quantity)
        if len(self.sample) > SAMPLE_MAX:
            del self.sample[0]
        self.learned += 1
        if len(self.sample) <= KNOWN_MIN or self.learned % FRESH_EVERY == 0:
            self._most = None

    def confirm(self, quantity: Decimal) -> None:
        """What the person says is right is learned, however large."""
        self.confirmed = max(quantity, self.confirmed or quantity)
        self.learn(quantity)

    @property
    def median(self) -> Decimal:
        return _median(self.sample)

    def is_exceeded_by(self, quantity: Decimal) -> bool:
        """True for more than DEVIATIONS_MAX median deviations above the median and TIMES_MEDIAN_MIN times it."""
        if len(self.sample) < KNOWN_MIN:
            return False
        if self._most is None:
            self._most = self._limit()
        return self._most > 0 and quantity >= self._most

    def _limit(self) -> Decimal:
        median = self.median
        if median <= 0:
            return Decimal(0)
        deviation = _median([abs(quantity - median) for quantity in self.sample])
        limit = max(median * TIMES_MEDIAN_MIN, median + deviation * DEVIATIONS_MAX)
        return max(limit, self.confirmed * CONFIRMED_GRACE) if self.confirmed is not None else limit


def _median(values: list[Decimal]) -> Decimal:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def doubt_of(activity: Activity, habit: Habit) -> str:
    """Why this activity should be asked about, or nothing."""
    return _too_fast(activity) or _too_strong(activity) or _unlike_habit(activity, habit)


def is_travel(activity: Activity) -> bool:
    return activity.category in _TRAVEL


def _unlike_habit(activity: Activity, habit: Habit) -> str:
    quantity, unit = activity.explanation.converted_quantity, activity.explanation.factor_unit
    if activity.source is ActivitySource.METER or not habit.is_exceeded_by(quantity):
        return ""
    return (
        f"{_short(quantity)} {unit} is far more than what you usually have here, about {_short(habit.median)} {unit}. "
        "Confirm it if it is right."
    )


def _too_fast(activity: Activity) -> str:
    if not is_travel(activity) or activity.ended_at is None:
        return ""
    unit = _KILOMETRES.get(activity.explanation.factor_unit)
    hours = Decimal(int((activity.ended_at - activity.started_at).total_seconds())) / 3600
    if unit is None or hours <= 0:
        return ""
    kilometres = convert(activity.explanation.converted_quantity, activity.explanation.factor_unit, unit)
    most = next(limit for prefix, limit in _KMH_MAX if activity.activity.startswith(prefix))
    if kilometres * 1_000 <= SLOW_METRES or kilometres <= most * hours:
        return ""
    return (
        f"{_short(kilometres)} km within {_lasting(activity.ended_at - activity.started_at)} is faster than this goes: "
        f"at most {most} km/h were expected. Confirm it if distance and time are right."
    )


def _too_strong(activity: Activity) -> str:
    """More energy than any meter of a home or a shop measures in the time."""
    if activity.ended_at is None or activity.source is ActivitySource.METER:
        return ""
    seconds = int((activity.ended_at - activity.started_at).total_seconds())
    try:
        kilowatt_hours = convert(activity.quantity, activity.unit, "kWh")
    except IncompatibleUnits:
        return ""
    if seconds <= 0 or kilowatt_hours * 3600 <= METER_MAX_KW * seconds:
        return ""
    return f"More than {METER_MAX_KW:,} kW over this time is more than a home can draw. Confirm it if it is right."


def _short(number: Decimal) -> str:
    """Three digits are enough for the eye; whole numbers stay whole."""
    return plain(number.quantize(Decimal(1)) if abs(number) >= 100 else number.quantize(Decimal("0.01")))


def _lasting(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


class Whereabouts:
    """When somebody was on the way: journeys that hardly overlap, by start and therefore by end."""

    def __init__(self, journeys: Iterable[tuple[datetime, datetime]] = ()) -> None:
        self._journeys = sorted(journeys)

    def add(self, start: datetime, end: datetime) -> str:
        """Takes the journey in, or says which one it clashes with: nobody is on two at once."""
        at = bisect_left(self._journeys, (start, end))
        for other in self._near(at, start, end):
            shared = min(end, other[1]) - max(start, other[0])
            if shared > min(OVERLAP_MAX, (end - start) / 2, (other[1] - other[0]) / 2):
                return (
                    f"From {other[0]:%Y-%m-%d %H:%M} to {other[1]:%H:%M} UTC you were on another journey already. "
                    "Confirm this one if you made both, discard it if they are the same."
                )
        insort(self._journeys, (start, end))
        return ""

    def _near(self, at: int, start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime]]:
        before = at - 1
        while before >= 0 and self._journeys[before][1] > start:
            yield self._journeys[before]
            before -= 1
        while at < len(self._journeys) and self._journeys[at][0] < end:
            yield self._journeys[at]
            at += 1
