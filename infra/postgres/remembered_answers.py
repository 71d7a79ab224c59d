"""What a person said once, kept by its topic: a payee, a socket, a kind of trip, a way."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.footprint.answers import NOT_COUNTED, StandingAnswer, holds_for_later
from domain.footprint.model import Activity, ActivityAnswer, ActivityResolution
from infra.postgres.connection import PooledConnection

_REMEMBER = """
    INSERT INTO remembered_answer (owner, topic, answer, shared_by, answered_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (owner, topic) DO UPDATE
    SET answer = excluded.answer, shared_by = excluded.shared_by, answered_at = excluded.answered_at"""
_ALIKE = """
    SELECT other.activity_id FROM captured_record AS answered JOIN captured_record AS other USING (owner, topic)
    JOIN activity ON activity.owner = other.owner AND activity.id = other.activity_id
    WHERE answered.owner = $1 AND answered.activity_id = $2 AND topic <> '' AND answered.asked AND other.asked
        AND NOT other.answered AND NOT other.superseded AND activity.status = 'QUARANTINED'
    UNION
    SELECT other.activity_id FROM meter_day AS answered
    JOIN long_reading AS long ON long.owner = answered.owner AND long.meter = answered.meter
        AND long.register = answered.register AND answered.local_date BETWEEN long.first_day AND long.last_day
    JOIN meter_reading AS reading ON reading.owner = long.owner AND reading.meter = long.meter
        AND reading.register = long.register AND reading.starts_at = long.starts_at AND reading.ends_at = long.ends_at
    JOIN meter_day AS other ON other.owner = answered.owner AND other.meter = answered.meter
        AND other.register = answered.register AND other.member = answered.member
        AND other.local_date BETWEEN long.first_day AND long.last_day
    JOIN activity ON activity.owner = other.member AND activity.id = other.activity_id
    WHERE answered.member = $1 AND answered.activity_id = $2 AND reading.implausible AND reading.counted
        AND NOT other.answered AND activity.status = 'QUARANTINED'
    ORDER BY activity_id LIMIT $3"""


async def answers_about(connection: PooledConnection, owner: int, topics: Sequence[str]) -> dict[str, StandingAnswer]:
    rows = await connection.fetch(
        "SELECT topic, answer, shared_by FROM remembered_answer WHERE owner = $1 AND topic = ANY($2)", owner, topics
    )
    return {row["topic"]: StandingAnswer(row["answer"], row["shared_by"]) for row in rows}


async def remember(
    connection: PooledConnection,
    owner: int,
    activity: Activity,
    answer: ActivityAnswer,
    replacement: Activity | None,
    now: datetime,
) -> None:
    """Keeps an answer to what a record asked, and a correction of what it is; nothing said of one record alone.

    To discard what was counted, or was merely odd, tells nothing about others of its kind.
    """
    row = await connection.fetchrow(
        "SELECT topic, asked FROM captured_record WHERE owner = $1 AND activity_id = $2 AND NOT superseded",
        owner,
        activity.id,
    )
    if row is None or not row["topic"]:
        return
    corrects = answer.resolution is ActivityResolution.CHOOSE and answer.activity is not None
    said = NOT_COUNTED if replacement is None else replacement.activity
    if (row["asked"] or corrects) and holds_for_later(row["topic"], said):
        await connection.execute(_REMEMBER, owner, row["topic"], said, answer.shared_by, now)


async def waiting_alike(connection: PooledConnection, owner: int, activity_id: UUID, limit: int) -> list[UUID]:
    """Activities that still wait for the answer that this one's record, or another day of its long reading, has had."""
    rows = await connection.fetch(_ALIKE, owner, activity_id, limit)
    return [row["activity_id"] for row in rows]
