"""Weeks: which Monday a day belongs to, and when a week begins and ends on the programme's clock."""

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.credits.model import allowance_code, points_code, week_bounds, week_start


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (date(2026, 6, 22), date(2026, 6, 22)),
        (date(2026, 6, 28), date(2026, 6, 22)),
        (date(2026, 6, 29), date(2026, 6, 29)),
        (date(2026, 12, 31), date(2026, 12, 28)),
        (date(2027, 1, 1), date(2026, 12, 28)),
        (date(2027, 1, 3), date(2026, 12, 28)),
        (date(2027, 1, 4), date(2027, 1, 4)),
        (date(2024, 12, 30), date(2024, 12, 30)),
    ],
)
def test_a_day_belongs_to_the_week_of_its_monday(day: date, monday: date) -> None:
    assert week_start(day) == monday


@pytest.mark.parametrize(
    ("monday", "iso_year"),
    [
        (date(2026, 12, 28), 2026),
        (date(2027, 1, 4), 2027),
        (date(2024, 12, 30), 2025),
        (date(2025, 12, 29), 2026),
        (date(2019, 12, 30), 2020),
    ],
)
def test_the_year_of_a_week_is_that_of_its_thursday(monday: date, iso_year: int) -> None:
    assert monday.isocalendar().year == iso_year == (monday + timedelta(days=3)).year


@pytest.mark.parametrize(
    ("monday", "zone", "start", "hours"),
    [
        (date(2026, 6, 22), "UTC", datetime(2026, 6, 22, tzinfo=UTC), 168),
        (date(2026, 6, 22), "Europe/London", datetime(2026, 6, 21, 23, tzinfo=UTC), 168),
        (date(2026, 6, 22), "Asia/Shanghai", datetime(2026, 6, 21, 16, tzinfo=UTC), 168),
        (date(2026, 3, 23), "Europe/London", datetime(2026, 3, 23, tzinfo=UTC), 167),
        (date(2026, 10, 19), "Europe/London", datetime(2026, 10, 18, 23, tzinfo=UTC), 169),
    ],
)
def test_a_week_runs_from_midnight_to_midnight_on_the_programmes_clock(
    monday: date, zone: str, start: datetime, hours: int
) -> None:
    begins, ends = (bound.astimezone(UTC) for bound in week_bounds(monday, zone))

    assert begins == start
    assert ends - begins == timedelta(hours=hours)


def test_codes() -> None:
    assert allowance_code("LON", 2026) == "PCA-LON-2026"
    assert points_code("LON") == "PTS-LON"
