"""A week and a month against a goal: what is recorded stays, and what is not known yet is no zero."""

from datetime import date, timedelta

import pytest

from domain.footprint.pacing import (
    ForecastBand,
    Outlook,
    Window,
    kilograms,
    month_of,
    outlook,
    pace,
    week_of,
    window,
)
from domain.footprint.summary import DayTotal

MONDAY = date(2026, 6, 15)
WEDNESDAY = date(2026, 6, 17)
WEEK = (MONDAY, date(2026, 6, 21))


def days(**totals: int) -> list[DayTotal]:
    """By offset from Monday: d3 is three days after it, m3 three before it."""
    offsets = {name: int(name[1:]) * (-1 if name[0] == "m" else 1) for name in totals}
    return [DayTotal(MONDAY + timedelta(offsets[name]), total) for name, total in totals.items()]


@pytest.mark.parametrize("day", [MONDAY, WEDNESDAY, WEEK[1]])
def test_a_week_is_monday_to_sunday(day: date) -> None:
    assert week_of(day) == WEEK


@pytest.mark.parametrize(
    ("day", "last"), [(date(2024, 2, 29), 29), (date(2025, 2, 1), 28), (date(2026, 12, 31), 31), (date(2026, 4, 9), 30)]
)
def test_a_month(day: date, last: int) -> None:
    assert month_of(day) == (day.replace(day=1), day.replace(day=last))


def test_the_history_ends_with_the_last_day_recorded() -> None:
    known = days(m3=30, m1=10, d0=20, d2=7)
    assert window(known, WEDNESDAY, WEEK) == Window(MONDAY - timedelta(3), (30, 0, 10, 20), 6)


def test_days_before_the_period_that_are_not_known_are_gaps() -> None:
    assert window(days(m4=30, m3=10), WEDNESDAY, WEEK) == Window(MONDAY - timedelta(4), (30, 10, None, None), 7)


def test_today_alone_is_no_history() -> None:
    assert window(days(d2=7), WEDNESDAY, WEEK) is None
    assert window([], WEDNESDAY, WEEK) is None


def test_what_was_recorded_is_added_to_what_is_ahead() -> None:
    known = days(m3=30, d0=20, d1=25, d2=7)
    ahead = window(known, WEDNESDAY, WEEK)
    assert ahead is not None
    assert ahead.days == 5
    assert outlook(known, WEEK, ahead, ForecastBand(100, 60, 140)) == Outlook(*WEEK, 52, ForecastBand(145, 105, 185))


def test_a_day_worse_than_the_forecast_is_not_forgotten() -> None:
    known = days(m3=30, d0=20, d1=25, d2=90)
    band = outlook(known, WEEK, window(known, WEDNESDAY, WEEK), ForecastBand(100, 60, 140)).forecast
    assert band == ForecastBand(145, 135, 185)
    assert outlook(known, WEEK, window(known, WEDNESDAY, WEEK), None) == Outlook(*WEEK, 135, None)


def test_absurd_sums_stay_readable() -> None:
    known = days(m3=30, d0=2**53, d1=2**53)
    ahead = window(known, WEDNESDAY, WEEK)
    top = 2**53 - 1
    assert outlook(known, WEEK, ahead, ForecastBand(2**60, 0, 2**60)) == Outlook(
        *WEEK, top, ForecastBand(top, top, top)
    )


@pytest.mark.parametrize(
    ("goal", "so_far", "left", "daily", "text"),
    [
        (10_000, 7_801, 2_199, 439, "2.1 kg left until Sunday"),
        (10_000, 10_000, 0, 0, "0.0 kg left until Sunday"),
        (10_000, 11_350, -1_350, 0, "1.3 kg over the week's goal"),
        (None, 11_350, None, None, "11.3 kg so far this week"),
    ],
)
def test_pacing(goal: int | None, so_far: int, left: int | None, daily: int | None, text: str) -> None:
    week = Outlook(*WEEK, so_far, None)
    told = pace(goal, True, WEDNESDAY, week, week)
    assert (told.left, told.days_left, told.daily_left, told.text) == (left, 5, daily, text)


def test_kilograms_are_rounded_down() -> None:
    assert [kilograms(grams) for grams in (0, 99, 100, 1_999, 123_456)] == ["0.0", "0.0", "0.1", "1.9", "123.4"]
