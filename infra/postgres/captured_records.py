"""What journeys, purchases and charges do to a person's footprint.

A record is one row by owner, source and its own id. The same again changes nothing; another payload replaces: the
earlier row stays, superseded, its activity is reversed and a new one recorded.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from domain.errors import DomainError
from domain.footprint.answers import answered, asked_alone
from domain.footprint.captured import Captured
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.model import Activity, ActivityStatus, Rejection
from domain.footprint.plausibility import Habit, Whereabouts, doubt_of, is_travel
from domain.footprint.recording import activity_of_draft
from infra.postgres.connection import PooledConnection
from infra.postgres.footprint import UNKEYED, insert_activities, reverse_activities
from infra.postgres.habits import habits_of, keep_habits, tell_waiting, whereabouts_of
from infra.postgres.remembered_answers import answers_about
from infra.postgres.second_views import seen_elsewhere

_KNOWN = """
    SELECT source, record, payload_hash, activity_id, answered FROM captured_record
    WHERE owner = $1 AND NOT superseded AND (source, record) IN (SELECT * FROM unnest($2::text[], $3::text[]))"""
_SUPERSEDE = """
    UPDATE captured_record SET superseded = true
    WHERE owner = $1 AND NOT superseded AND (source, record) IN (SELECT * FROM unnest($2::text[], $3::text[]))"""
_ADD = """
    INSERT INTO captured_record (owner, import_id, kind, source, record, payload, payload_hash, cancels, activity_id,
                                 topic, asked)
    SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::uuid[],
                                 $10::text[], $11::boolean[])"""
_CANCELLED = """
    SELECT undone.activity_id FROM captured_record AS undone JOIN captured_record AS credit USING (owner, source)
    WHERE owner = $1 AND credit.cancels = undone.record AND undone.activity_id IS NOT NULL
        AND NOT undone.superseded AND NOT credit.superseded AND source = ANY($2)"""


_Made: TypeAlias = tuple[Captured, Activity | None]


class CapturedRecording:
    """One file's records within a transaction that holds the person's footprint lock.

    After `close`: `accepted` records came in, `imported` of them were new or changed, `refused` had no factor.
    """

    def __init__(
        self,
        connection: PooledConnection,
        owner: int,
        import_id: UUID,
        *,
        region: str,
        time_zone: str,
        now: datetime,
        choice: FactorChoice,
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._import_id = import_id
        self._region = region
        self._zone = ZoneInfo(time_zone)
        self._now = now
        self._choice = choice
        self._replaced = 0
        self._not_counted: Counter[str] = Counter()
        self._sources: set[str] = set()
        self._habits: dict[str, Habit] = {}
        self.accepted = 0
        self.imported = 0
        self.emissions = 0
        self.refused: list[Rejection] = []
        self.notes: list[Rejection] = []

    async def merge(self, items: Sequence[Captured]) -> None:
        self.accepted += len(items)
        known = await self._known(items)
        fresh = await self._answered([item for item in items if _hash_in(known, item) != item.payload_hash])
        made = [pair for item in fresh if (pair := await self._made(item)) is not None]
        replaced = {key: known[key] for item, _activity in made if (key := _key(item)) in known}
        await self._supersede(list(replaced.values()))
        made = await self._doubted(made, {key for key, row in replaced.items() if row["answered"]})
        activities = [activity for _item, activity in made if activity is not None]
        counted = [activity for activity in activities if activity.status is ActivityStatus.COUNTED]
        await tell_waiting(self._connection, self._owner, [activity for activity in counted if is_travel(activity)])
        await insert_activities(self._connection, self._owner, [(activity, UNKEYED) for activity in activities])
        self.emissions += sum(activity.emissions for activity in activities)
        await self._add(made)
        self.imported += len(made)
        self._sources.update(item.source for item, _activity in made)

    async def close(self) -> None:
        """Undoes what was cancelled, whichever of the two came first. Called once, after the last batch."""
        rows = await self._connection.fetch(_CANCELLED, self._owner, sorted(self._sources))
        self.emissions -= await reverse_activities(self._connection, self._owner, [row["activity_id"] for row in rows])
        await keep_habits(self._connection, self._owner, self._habits)
        if self._replaced:
            text = f"{self._replaced} records differ from those of earlier files and were replaced by this one's."
            self.notes.append(Rejection("REPLACED_EARLIER", text, note=True))
        for reason, count in self._not_counted.most_common():
            self.notes.append(Rejection("NOT_COUNTED", f"Not counted, {count} of the records: {reason}", note=True))

    async def _known(self, items: Sequence[Captured]) -> dict[tuple[str, str], asyncpg.Record]:
        sources, records = [item.source for item in items], [item.record for item in items]
        rows = await self._connection.fetch(_KNOWN, self._owner, sources, records)
        return {(row["source"], row["record"]): row for row in rows}

    async def _answered(self, items: Sequence[Captured]) -> list[Captured]:
        """The records with what the person said of their like; those that another source has too are asked about."""
        topics = sorted({item.draft.topic for item in items if item.draft.topic})
        said = await answers_about(self._connection, self._owner, topics) if topics else {}
        known = [
            replace(item, draft=answered(item.draft, said[item.draft.topic])) if item.draft.topic in said else item
            for item in items
        ]
        seen = await seen_elsewhere(self._connection, self._owner, self._import_id, known)
        return [replace(item, draft=asked_alone(item.draft)) if _key(item) in seen else item for item in known]

    async def _made(self, item: Captured) -> _Made | None:
        """The record with its activity, if it is to have one; None where it is refused."""
        if item.draft.activity is None:
            self._not_counted[item.draft.reason] += 1
            return item, None
        try:
            return item, await activity_of_draft(
                self._choice, item.draft, owner=self._owner, region=self._region, zone=self._zone, now=self._now
            )
        except DomainError as refusal:
            record = f"{item.source} {item.record}"[:200]
            self.refused.append(Rejection("NO_FACTOR", refusal.message, line=item.line, record=record))
            return None

    async def _doubted(self, made: Sequence[_Made], answered: Set[tuple[str, str]]) -> list[_Made]:
        """Puts into quarantine what should be asked about; the others teach what is usual."""
        activities = [activity for _item, activity in made if activity is not None]
        unknown = {activity.activity for activity in activities} - self._habits.keys()
        if unknown:
            self._habits |= await habits_of(self._connection, self._owner, sorted(unknown))
        journeys = [activity for activity in activities if is_travel(activity) and activity.ended_at is not None]
        whereabouts = Whereabouts()
        if journeys:
            first = min(activity.started_at for activity in journeys)
            last = max(activity.ended_at or first for activity in journeys)
            whereabouts = await whereabouts_of(self._connection, self._owner, first, last)
        judged = []
        for item, activity in made:
            if activity is not None:
                reason = self._doubt(activity, whereabouts, was_answered=_key(item) in answered)
                if reason:
                    activity = replace(activity, status=ActivityStatus.QUARANTINED, reason=reason)
            judged.append((item, activity))
        return judged

    def _doubt(self, activity: Activity, whereabouts: Whereabouts, *, was_answered: bool) -> str:
        habit = self._habits[activity.activity]
        reason = activity.reason or doubt_of(activity, habit)
        if is_travel(activity) and activity.ended_at is not None:
            reason = whereabouts.add(activity.started_at, activity.ended_at) or reason
        if was_answered:
            reason = reason or "A later file changed a record that you had answered. Confirm it if it is right now."
        if not reason:
            habit.learn(activity.explanation.converted_quantity)
        return reason

    async def _supersede(self, rows: Sequence[asyncpg.Record]) -> None:
        """Puts earlier records aside and takes their activities out of the footprint."""
        if not rows:
            return
        self._replaced += len(rows)
        gone = [row["activity_id"] for row in rows if row["activity_id"] is not None]
        self.emissions -= await reverse_activities(self._connection, self._owner, gone)
        await self._connection.execute(
            _SUPERSEDE, self._owner, [row["source"] for row in rows], [row["record"] for row in rows]
        )

    async def _add(self, made: Sequence[_Made]) -> None:
        await self._connection.execute(
            _ADD,
            self._owner,
            self._import_id,
            [item.kind for item, _activity in made],
            [item.source for item, _activity in made],
            [item.record for item, _activity in made],
            [item.payload for item, _activity in made],
            [item.payload_hash for item, _activity in made],
            [item.cancels for item, _activity in made],
            [activity.id if activity else None for _item, activity in made],
            [item.draft.topic for item, _activity in made],
            [item.draft.status is ActivityStatus.QUARANTINED for item, _activity in made],
        )


def _key(item: Captured) -> tuple[str, str]:
    return item.source, item.record


def _hash_in(known: dict[tuple[str, str], asyncpg.Record], item: Captured) -> bytes | None:
    row = known.get(_key(item))
    return row["payload_hash"] if row else None
