"""How a person's week and month go against a goal, and what they will probably come to.

A forecast is advice: nothing is ever earned by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from domain.footprint.summary import DayTotal
from domain.units import OUTSIDE_MAX

HISTORY_DAYS = 1_461
"""Four years: what a forecast looks back on."""
COVERAGE_PERCENT = 80
"""Share of the outcomes that should fall within a forecast's band."""
WEEKLY_GOAL_MAX = 10_000_000_000


@dataclass(frozen=True, slots=True)
class ForecastBand:
    """Grams of a window of days: what is expected, and the band that COVERAGE_PERCENT of the outcomes fall into."""

    expected: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """A week or a month. `so_far` is what is recorded; `forecast` is of all of it, None where nothing can be said."""

    from_date: date
    to_date: date
    so_far: int
    forecast: ForecastBand | None


@dataclass(frozen=True, slots=True)
class Pace:
    """`goal` is grams a week: the person's own, else the programme's allowance, else None. `left` may be negative.

    `daily_left` is what each of the days left, today included, may cost; it is never below zero.
    """

    goal: int | None
    is_own_goal: bool
    left: int | None
    days_left: int
    daily_left: int | None
    text: str
    week: Outlook
    month: Outlook


@dataclass(frozen=True, slots=True)
class Window:
    """What to ask the forecaster: the series from `first_day`, and how many days that follow it are wanted."""

    first_day: date
    grams: tuple[int | None, ...]
    days: int


def week_of(today: date) -> tuple[date, date]:
    """Monday and Sunday."""
    monday = today - timedelta(days=today.weekday())
    return monday, monday + timedelta(days=6)


def month_of(today: date) -> tuple[date, date]:
    first = today.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def window(days: Sequence[DayTotal], today: date, period: tuple[date, date]) -> Window | None:
    """The history that a forecast of the rest of this period starts from; None where there is none before today.

    It ends with the last day on which anything was recorded: what a meter has not told yet is no zero. It ends no
    earlier than the period begins, and a day within it without a record is a day of nothing.
    """
    totals = {day.date: min(day.total, OUTSIDE_MAX) for day in days if day.date < today}
    if not totals:
        return None
    first, last = min(totals), max(totals)
    end = max(last, period[0] - timedelta(days=1))
    grams = tuple(
        totals.get(day, 0) if day <= last else None
        for day in (first + timedelta(days=at) for at in range((end - first).days + 1))
    )
    return Window(first, grams, (period[1] - end).days)


def outlook(
    days: Sequence[DayTotal], period: tuple[date, date], ahead: Window | None, rest: ForecastBand | None
) -> Outlook:
    """What is recorded stays: a forecast of the days ahead gives way to more than it on the same days."""
    within = [day for day in days if period[0] <= day.date <= period[1]]
    so_far = min(sum(day.total for day in within), OUTSIDE_MAX)
    if ahead is None or rest is None:
        return Outlook(*period, so_far, None)
    start = ahead.first_day + timedelta(days=len(ahead.grams))
    before = sum(day.total for day in within if day.date < start)
    parts = (min(before + part, OUTSIDE_MAX) for part in (rest.expected, rest.low, rest.high))
    band = ForecastBand(*(max(part, so_far) for part in parts))
    return Outlook(*period, so_far, band)


def pace(goal: int | None, is_own_goal: bool, today: date, week: Outlook, month: Outlook) -> Pace:
    days_left = (week.to_date - today).days + 1
    left = None if goal is None else goal - week.so_far
    return Pace(
        goal=goal,
        is_own_goal=is_own_goal,
        left=left,
        days_left=days_left,
        daily_left=None if left is None else max(left, 0) // days_left,
        text=_text(left, week.so_far),
        week=week,
        month=month,
    )


def _text(left: int | None, so_far: int) -> str:
    if left is None:
        return f"{kilograms(so_far)} kg so far this week"
    if left < 0:
        return f"{kilograms(-left)} kg over the week's goal"
    return f"{kilograms(left)} kg left until Sunday"


def kilograms(grams: int) -> str:
    """Grams of zero or more as kilograms with one decimal, rounded down: 2,199 g are 2.1 kg."""
    return f"{grams // 1_000}.{grams % 1_000 // 100}"
