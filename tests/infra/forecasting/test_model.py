"""The forecast on measured homes, told the past alone, and on series that somebody made up."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from bench.forecast import (
    HOUSEHOLDS,
    UCI,
    Home,
    day_windows,
    homes,
    last_28_days,
    measure,
    month_windows,
    same_months,
    yesterday,
)
from infra.forecasting.model import HISTORY_DAYS_MIN, WINDOW_DAYS_MAX, Band, forecast

FIRST = date(2026, 1, 5)
"""A Monday."""


@pytest.fixture(scope="module")
def measured() -> dict[str, Home]:
    return {home.name: home for home in homes(HOUSEHOLDS)}


def told(values: Sequence[float | None], days: int) -> Band:
    band = forecast(FIRST, values, days)
    assert band is not None
    return band


def test_a_day_ahead_is_better_than_yesterday(measured: dict[str, Home]) -> None:
    row = measure(measured[UCI], "day", day_windows(measured[UCI]), [yesterday])
    assert row.windows == 180
    assert round(row.naive["yesterday"], 4) == 0.1916
    assert row.error < 0.18
    assert 0.75 <= row.covered <= 0.97


def test_a_month_ahead_is_better_than_the_same_months_of_past_years(measured: dict[str, Home]) -> None:
    row = measure(measured[UCI], "month", month_windows(measured[UCI]), [same_months])
    assert row.windows == 22
    assert round(row.naive["same_months"], 4) == 0.0636
    assert row.error < 0.06
    assert row.covered >= 0.8


def test_every_home_s_day_is_about_as_good_as_the_best_naive_one_or_better(measured: dict[str, Home]) -> None:
    rows = [
        measure(home, "day", day_windows(home), [yesterday, last_28_days])
        for name, home in measured.items()
        if name != UCI
    ]
    assert len(rows) == 7
    assert min(row.skill for row in rows) > -0.01
    assert sum(row.covered for row in rows) / 7 > 0.7


def test_the_future_changes_nothing(measured: dict[str, Home]) -> None:
    home = measured[UCI]
    poisoned = [*home.values[:1_000], *(value and value * 100 for value in home.values[1_000:])]
    assert forecast(home.first, poisoned[:1_000], 30) == forecast(home.first, home.values[:1_000], 30)


def test_a_week_that_repeats_is_learnt() -> None:
    week = [10.0, 10.0, 10.0, 10.0, 10.0, 40.0, 40.0]
    band = told(week * 20, 7)
    assert band.expected == pytest.approx(130, rel=0.02)
    assert band.high - band.low < 26
    assert told(week * 20, 1).expected < told([*week * 20, *week[:5]], 1).expected


def test_missing_days_are_no_zeros() -> None:
    values: list[float | None] = [10.0 + at % 7 for at in range(140)]
    holes = [None if at % 9 == 0 or at > 134 else value for at, value in enumerate(values)]
    assert told(holes, 7).expected == pytest.approx(told(values, 7).expected, rel=0.05)


def test_nothing_is_below_zero() -> None:
    falling = [max(100.0 - at, 0.0) for at in range(120)]
    band = told(falling, 30)
    assert band.low == 0.0
    assert 0 <= band.expected <= band.high
    assert told([0.0] * 60, 30) == Band(0.0, 0.0, 0.0)


@pytest.mark.parametrize("length", [0, 1, HISTORY_DAYS_MIN - 1])
def test_too_little_history_says_nothing(length: int) -> None:
    assert forecast(FIRST, [5.0] * length, 7) is None


@pytest.mark.parametrize("length", [HISTORY_DAYS_MIN, 20, 27, 28, 29, 40, 56, 90, 364, 365, 547, 548, 730, 1_461])
@pytest.mark.parametrize("days", [1, 7, 8, 31, WINDOW_DAYS_MAX])
def test_any_length_of_history_gives_a_band(length: int, days: int) -> None:
    values = [100.0 + 10 * (at % 7) + (FIRST + timedelta(at)).month for at in range(length)]
    band = told(values, days)
    assert band.low <= band.expected <= band.high
    assert band.expected == pytest.approx(135 * days, rel=0.5)


def test_a_window_too_long_says_nothing() -> None:
    assert forecast(FIRST, [5.0] * 100, WINDOW_DAYS_MAX + 1) is None
    assert forecast(FIRST, [5.0] * 100, 0) is None
