"""How good the product's forecast is on measured households, by rolling origin: each is told the days before it alone.

    python -m bench.forecast
One row for each home and task: the error (WAPE: sum of misses over sum of what came) of the model and of the naive
forecasts, skill against the best of them, and how many outcomes fell within the band. Homes with a year of data have no
month of a past year to compare with: their naive month is the last 28 days.
"""

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from infra.forecasting.model import COVERAGE, forecast

DAY_GOAL, MONTH_GOAL = 0.192, 0.064
UCI = "uci"
HOUSEHOLDS = Path(__file__).parents[1] / "tests" / "data" / "household"


@dataclass(frozen=True)
class Home:
    """Daily kWh; None for a day that is not whole. `days` and `months` are how many of the last ones are forecast."""

    name: str
    first: date
    values: list[float | None]
    days: int
    months: tuple[date, date]


@dataclass(frozen=True)
class Window:
    start: int
    days: int


Naive = Callable[[Home, Window], float]


def homes(folder: Path) -> Iterator[Home]:
    rows = _rows(folder / "uci_sceaux_daily.csv")
    totals = {date.fromisoformat(row["date"]): float(row["kwh"]) for row in rows[1:-1]}
    yield _home(UCI, totals, 180, (date(2009, 1, 1), date(2010, 10, 1)))

    paris, counts = ZoneInfo("Europe/Paris"), defaultdict[date, int](int)
    totals = defaultdict(float)
    for row in _rows(folder / "emhass_fr_home_30min.csv"):
        if row["load_w"]:
            day = datetime.fromisoformat(row["timestamp_utc"]).astimezone(paris).date()
            totals[day] += float(row["load_w"]) / 2_000
            counts[day] += 1
    whole = {day: total for day, total in totals.items() if counts[day] >= 46}
    yield _home("emhass", whole, 60, (date(2024, 7, 1), date(2025, 1, 1)))

    rows = _rows(folder / "citylearn2022_six_homes_hourly.csv")
    for column in [name for name in rows[0] if name.endswith("_load_kwh")]:
        totals = defaultdict(float)
        for at, row in enumerate(rows[1:8737]):
            totals[date(2016, 8, 1) + timedelta(at // 24)] += float(row[column])
        yield _home(column.removesuffix("_load_kwh"), totals, 60, (date(2016, 12, 1), date(2017, 6, 1)))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _home(name: str, totals: dict[date, float], days: int, months: tuple[date, date]) -> Home:
    first, last = min(totals), max(totals)
    values = [totals.get(first + timedelta(at)) for at in range((last - first).days + 1)]
    return Home(name, first, values, days, months)


def day_windows(home: Home) -> list[Window]:
    return [Window(at, 1) for at, value in enumerate(home.values) if value is not None][-home.days :]


def month_windows(home: Home) -> list[Window]:
    windows, month = [], home.months[0]
    while month <= home.months[1]:
        following = (month + timedelta(31)).replace(day=1)
        windows.append(Window((month - home.first).days, (following - month).days))
        month = following
    return windows


def mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


def actual(home: Home, window: Window) -> float:
    """A month with missing days is taken as whole at the mean of those present."""
    return mean(home.values[window.start : window.start + window.days]) * window.days


def yesterday(home: Home, window: Window) -> float:
    return next(value for value in reversed(home.values[: window.start]) if value is not None)


def last_28_days(home: Home, window: Window) -> float:
    return mean(home.values[window.start - 28 : window.start]) * window.days


def last_week(home: Home, window: Window) -> float:
    value = home.values[window.start - 7]
    return yesterday(home, window) if value is None else value


def same_months(home: Home, window: Window) -> float:
    """The mean total of the same month in all past years."""
    month = home.first + timedelta(window.start)
    totals = []
    for year in range(home.first.year, month.year):
        start = month.replace(year=year)
        at, days = (start - home.first).days, ((start + timedelta(31)).replace(day=1) - start).days
        if at >= 0:
            totals.append(mean(home.values[at : at + days]) * days)
    return sum(totals) / len(totals)


def last_year(home: Home, window: Window) -> float:
    month = home.first + timedelta(window.start)
    start = month.replace(year=month.year - 1)
    at, days = (start - home.first).days, ((start + timedelta(31)).replace(day=1) - start).days
    return mean(home.values[at : at + days]) * days


@dataclass(frozen=True)
class Row:
    home: str
    task: str
    windows: int
    error: float
    naive: dict[str, float]
    covered: float
    width: float

    @property
    def skill(self) -> float:
        return 1 - self.error / min(self.naive.values())


def measure(home: Home, task: str, windows: Sequence[Window], naives: Sequence[Naive]) -> Row:
    came = [actual(home, window) for window in windows]
    bands = []
    for window in windows:
        band = forecast(home.first, home.values[: window.start], window.days)
        assert band is not None
        bands.append(band)
    total = sum(came)
    return Row(
        home.name,
        task,
        len(windows),
        sum(abs(band.expected - value) for band, value in zip(bands, came, strict=True)) / total,
        {
            naive.__name__: sum(abs(naive(home, window) - value) for window, value in zip(windows, came, strict=True))
            / total
            for naive in naives
        },
        sum(band.low <= value <= band.high for band, value in zip(bands, came, strict=True)) / len(came),
        sum(band.high - band.low for band in bands) / total,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HOUSEHOLDS, help="the folder of household series")
    folder = parser.parse_args().data
    rows = []
    for home in homes(folder):
        rows.append(measure(home, "day", day_windows(home), [yesterday, last_week, last_28_days]))
        months: list[Naive] = [same_months, last_year] if home.name == UCI else []
        rows.append(measure(home, "month", month_windows(home), [*months, last_28_days]))
    out = sys.stdout.write
    out(f"{'home':8} {'ahead':6} {'n':>4} {'model':>7} {'best naive':>22} {'skill':>7} {'in band':>8} {'width':>6}\n")
    for row in rows:
        name, error = min(row.naive.items(), key=lambda pair: pair[1])
        out(
            f"{row.home:8} {row.task:6} {row.windows:4} {row.error:7.2%} {name:>14} {error:7.2%} {row.skill:+7.1%} "
            f"{row.covered:8.0%} {row.width:6.0%}\n"
        )
    for task in ("day", "month"):
        of = [row for row in rows if row.task == task]
        inside = sum(row.covered * row.windows for row in of) / sum(row.windows for row in of)
        out(f"{task}: {inside:.0%} of {sum(row.windows for row in of)} outcomes in a band made for {COVERAGE:.0%}\n")
    day, month = (next(row for row in rows if (row.home, row.task) == (UCI, task)) for task in ("day", "month"))
    missed = day.error >= DAY_GOAL or month.error >= MONTH_GOAL
    out(f"goals on {UCI}: day under {DAY_GOAL:.1%}, month under {MONTH_GOAL:.1%}: {'missed' if missed else 'met'}\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
