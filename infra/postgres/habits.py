"""What a person's activities usually are, kept beside them so that judging a new one costs the same for ever."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from domain.footprint.model import Activity
from domain.footprint.plausibility import JOURNEY_MAX_TIME, OVERLAP_MAX, Habit, Whereabouts
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


_TELL = """
    UPDATE activity AS waiting SET reason = $6 || ' ' || waiting.reason
    FROM unnest($2::timestamptz[], $3::timestamptz[]) AS counted (starts, ends)
    WHERE owner = $1 AND status = 'QUARANTINED' AND category IN ('transport', 'flight')
        AND started_at BETWEEN $7 AND $8
        AND started_at < ends AND ended_at > starts AND started_at > starts - $4::interval
        AND least(ends, ended_at) - greatest(starts, started_at)
            > least($5::interval, (ends - starts) / 2, (ended_at - started_at) / 2)
        AND position($6 IN reason) = 0"""
_COUNTED_SINCE = "Since this was asked, another journey at this time was counted: discard this one if it is the same."


async def tell_waiting(connection: PooledConnection, owner: int, journeys: Sequence[Activity]) -> None:
    """Says of the journeys that wait for an answer that one of these, which count, took place at their time."""
    timed = [(journey.started_at, journey.ended_at) for journey in journeys if journey.ended_at is not None]
    if timed:
        starts, ends = [start for start, _end in timed], [end for _start, end in timed]
        first, last = min(starts) - JOURNEY_MAX_TIME, max(ends)
        await connection.execute(_TELL, owner, starts, ends, JOURNEY_MAX_TIME, OVERLAP_MAX, _COUNTED_SINCE, first, last)
