"""What a person's activities usually are, kept beside them so that judging a new one costs the same for ever."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from domain.footprint.plausibility import JOURNEY_MAX_TIME, Habit, Whereabouts
from infra.postgres.connection import PooledConnection, Queryable

JOURNEYS_MAX = 50_000


async def habits_of(connection: Queryable, owner: int, activities: Sequence[str]) -> dict[str, Habit]:
    """One for each of these factor ids, known or not."""
    rows = await connection.fetch(
        "SELECT activity, sample, confirmed FROM footprint_habit WHERE owner = $1 AND activity = ANY($2)",
        owner,
        list(activities),
    )
    known = {row["activity"]: Habit(map(Decimal, row["sample"].split()), row["confirmed"]) for row in rows}
    return {activity: known.get(activity) or Habit() for activity in activities}


async def keep_habits(connection: PooledConnection, owner: int, habits: Mapping[str, Habit]) -> None:
    """Keeps those that learned something."""
    learned = {activity: habit for activity, habit in habits.items() if habit.learned}
    if not learned:
        return
    await connection.execute(
        "INSERT INTO footprint_habit AS habit SELECT $1, * FROM unnest($2::text[], $3::text[], $4::numeric[]) "
        "ON CONFLICT (owner, activity) DO UPDATE SET sample = excluded.sample, "
        "confirmed = greatest(habit.confirmed, excluded.confirmed)",
        owner,
        list(learned),
        [" ".join(map(str, habit.sample)) for habit in learned.values()],
        [habit.confirmed for habit in learned.values()],
    )


async def whereabouts_of(connection: Queryable, owner: int, start: datetime, end: datetime) -> Whereabouts:
    """The counted journeys of this person that touch this time."""
    rows = await connection.fetch(
        "SELECT started_at, ended_at FROM activity WHERE owner = $1 AND started_at >= $2 AND started_at < $3 "
        "AND ended_at > $4 AND category IN ('transport', 'flight') AND status = 'COUNTED' "
        "ORDER BY started_at LIMIT $5",
        owner,
        start - JOURNEY_MAX_TIME,
        end,
        start,
        JOURNEYS_MAX,
    )
    return Whereabouts((row["started_at"], row["ended_at"]) for row in rows)
