"""What the next days of a daily series come to, with a band: a seasonal ridge regression, averaged with the naive one.

1. The season: a ridge regression on the weekday and, from 18 months of history on, three yearly harmonics.
2. What is left of the last 1, 2, 7 and 28 days carries into the window, by a second ridge regression on every past
   origin of the series. For windows of more than a week it starts from the level of the last 28 days: all of it while
   the history is too short to know the season, half of it after that.
3. The average of that with the naive forecast: yesterday for one day (by its weekday where the week has a plain
   pattern), the same days of past years for more than a week where there are any, else the last 28 days. Averaging
   with the naive one keeps the model from being far worse than it.
4. The band: how far the same average missed at the past origins of the series, widened for how few they are.

Everything is fitted on the days before the window alone. Missing days are None and are not learnt from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

COVERAGE = 0.8
"""Share of the outcomes that should fall within the band."""
HISTORY_DAYS_MIN = 14
WINDOW_DAYS_MAX = 62
SEASON_DAYS_MIN = 548
YEAR_DAYS = 364
"""52 weeks, so that weekdays meet their like."""
WEEK_DAYS = 7
MONTH_DAYS = 28
LAGS = (1, 2, 7, 28)
HARMONICS = 3
SEASON_PENALTY = 5.0
CARRY_PENALTY = 30.0
"""For one day; a window of n days has n times fewer origins that do not overlap, and n times the penalty."""
LEARNT_SHARE = 0.5
WEEKDAY_GAIN = 0.8
"""Yesterday is moved to the weekday where that leaves less than this share of its misses."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    expected: float
    low: float
    high: float


def forecast(first_day: date, values: Sequence[float | None], days: int) -> Band | None:
    """The sum of the `days` that follow the series; None where there are too few days to say anything."""
    known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if not 1 <= days <= WINDOW_DAYS_MAX or np.count_nonzero(~np.isnan(known)) < HISTORY_DAYS_MIN:
        return None
    season = _season(first_day, known, days)
    rest = _filled(known - season[: len(known)])
    filled = season[: len(known)] + rest
    origins = np.arange(min(MONTH_DAYS, max(len(known) - days, WEEK_DAYS)), len(known) - days + 1)
    carried, here = _carry(rest, days, origins, len(known))
    level, totals = _window_means(season, days), _window_means(filled, days)
    naive = _naive(filled, season, days, np.append(origins, len(known)))
    learnt = np.append(level[origins] + carried, level[len(known)] + here)
    blended = LEARNT_SHARE * learnt + (1 - LEARNT_SHARE) * naive
    expected = max(float(blended[-1]), 0.0) * days
    margin = _margin(np.abs(blended[:-1] - totals[origins]), days) if len(origins) else _spread(filled, days)
    margin *= days
    return Band(expected, max(expected - margin, 0.0), expected + margin)


def _season(first_day: date, known: Values, days: int) -> Values:
    """Fitted on the days known, told for them and for the window after them."""
    dates = [first_day + timedelta(at) for at in range(len(known) + days)]
    turn = np.array([2 * np.pi * day.timetuple().tm_yday / 365.25 for day in dates])
    harmonics = range(1, HARMONICS + 1) if len(known) >= SEASON_DAYS_MIN else ()
    columns = [wave(number * turn) for number in harmonics for wave in (np.sin, np.cos)]
    weekdays = np.array([day.weekday() for day in dates])
    design = np.column_stack([*columns, *((weekdays == weekday).astype(float) for weekday in range(WEEK_DAYS))])
    present = ~np.isnan(known)
    fitted = Ridge(SEASON_PENALTY).fit(design[: len(known)][present], known[present])
    return np.asarray(fitted.predict(design), dtype=np.float64)


def _filled(rest: Values) -> Values:
    """A missing day is as far from its season as the four weeks before it were."""
    filled = rest.copy()
    for at in np.flatnonzero(np.isnan(rest)):
        before = filled[max(0, at - MONTH_DAYS) : at]
        filled[at] = before.mean() if len(before) else 0.0
    return filled


def _carry(rest: Values, days: int, origins: NDArray[np.int_], end: int) -> tuple[Values, float]:
    """What is carried into the window from each origin, and from the end of the series."""
    features = np.column_stack([_means_before(rest, lag) for lag in LAGS])
    anchor = 0.0 if days <= WEEK_DAYS else LEARNT_SHARE if end >= SEASON_DAYS_MIN else 1.0
    start = anchor * features[:, LAGS.index(MONTH_DAYS)]
    usable = origins[origins >= MONTH_DAYS]
    if len(usable) < MONTH_DAYS:
        return start[origins], float(start[end])
    scale = features[usable].std(axis=0) + 1e-9
    target = _window_means(rest, days)[usable] - start[usable]
    fitted = Ridge(CARRY_PENALTY * days, fit_intercept=False).fit(features[usable] / scale, target)
    return start[origins] + fitted.predict(features[origins] / scale), float(
        start[end] + fitted.predict(features[[end]] / scale)[0]
    )


def _means_before(values: Values, days: int) -> Values:
    """At each position, the mean of up to so many days before it."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(len(sums))
    starts = np.maximum(ends - days, 0)
    means: Values = (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)
    return means


def _window_means(values: Values, days: int) -> Values:
    """At each position from which a whole window follows, its mean."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means: Values = (sums[days:] - sums[:-days]) / days
    return means


def _naive(values: Values, season: Values, days: int, origins: NDArray[np.int_]) -> Values:
    """The mean day of the windows that begin at these positions, each from the days before it."""
    if days == 1:
        return _yesterday(values, season, origins)
    return np.array([_mean_before(values, days, at) for at in origins])


def _yesterday(values: Values, season: Values, origins: NDArray[np.int_]) -> Values:
    """As it was; moved by what its weekday makes of it where that was far nearer on the days known so far."""
    plain = values[origins - 1]
    moved: Values = plain - season[origins - 1] + season[origins]
    came = values[origins[:-1]]
    misses = [np.abs(told[:-1] - came).sum() for told in (plain, moved)]
    return moved if misses[1] < WEEKDAY_GAIN * misses[0] else plain


def _mean_before(values: Values, days: int, at: int) -> float:
    if days > WEEK_DAYS and at >= YEAR_DAYS:
        starts = range(at - YEAR_DAYS, -1, -YEAR_DAYS)
        return float(np.mean([values[start : start + days].mean() for start in starts]))
    return float(values[max(0, at - MONTH_DAYS) : at].mean())


def _margin(misses: Values, days: int) -> float:
    """The quantile of conformal prediction, over as many misses as there are windows that do not overlap."""
    independent = max(len(misses) / days, 1.0)
    share = min(ceil((independent + 1) * COVERAGE) / independent, 1.0)
    return float(np.quantile(misses, share))


def _spread(values: Values, days: int) -> float:
    """Where no window of the past could be tried: twice what the mean of so many unlike days varies by."""
    return float(2 * values.std() / np.sqrt(days))
