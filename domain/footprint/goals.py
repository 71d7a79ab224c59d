"""A person's goal, how the week goes against it, and what would save most."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.errors import InvalidInput
from domain.footprint.advising import ADVICE_WEEKS, Advice, Change, best_changes
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.pacing import (
    HISTORY_DAYS,
    WEEKLY_GOAL_MAX,
    Outlook,
    Pace,
    month_of,
    outlook,
    pace,
    week_of,
    window,
)
from domain.footprint.summary import DayTotal
from domain.ports import FactorStore, FootprintStore, Forecasts, GoalStore, ProgrammeStore


async def set_goal(goals: GoalStore, *, owner: int, weekly: int | None, now: datetime) -> None:
    """None goes back to the programme's allowance. Raises InvalidInput."""
    if weekly is not None and not 0 < weekly <= WEEKLY_GOAL_MAX:
        raise InvalidInput(f"A weekly goal lies from 1 to {WEEKLY_GOAL_MAX} g.", "weekly")
    await goals.set_goal(owner, weekly, now)


async def pace_of(
    goals: GoalStore,
    footprint: FootprintStore,
    programmes: ProgrammeStore,
    forecasts: Forecasts,
    *,
    owner: int,
    time_zone: str,
    now: datetime,
) -> Pace:
    today = now.astimezone(ZoneInfo(time_zone)).date()
    week, month = week_of(today), month_of(today)
    days = await footprint.day_totals(owner, today - timedelta(days=HISTORY_DAYS), max(week[1], month[1]))
    goal = await goals.goal(owner)
    is_own = goal is not None
    if goal is None:
        programme = await programmes.programme_of(owner)
        goal = programme.weekly_allowance if programme else None
    return pace(
        goal,
        is_own,
        today,
        await _outlook(forecasts, days, today, week),
        await _outlook(forecasts, days, today, month),
    )


async def _outlook(forecasts: Forecasts, days: Sequence[DayTotal], today: date, period: tuple[date, date]) -> Outlook:
    ahead = window(days, today, period)
    rest = await forecasts.sum_of_next(ahead.first_day, ahead.grams, ahead.days) if ahead else None
    return outlook(days, period, ahead, rest)


async def advice_for(
    factors: FactorStore,
    footprint: FootprintStore,
    changes: Sequence[Change],
    *,
    owner: int,
    time_zone: str,
    now: datetime,
) -> list[Advice]:
    """From what was counted on the last ADVICE_WEEKS weeks, today included."""
    today = now.astimezone(ZoneInfo(time_zone)).date()
    uses = await footprint.factor_uses(owner, today - timedelta(days=7 * ADVICE_WEEKS - 1), today)
    return await best_changes(await FactorChoice.of_owner(factors, owner), changes, uses, today)
