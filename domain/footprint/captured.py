"""A record on its way into the footprint: what it says, and the activity that it is to become.

The payload is kept for the audit. The points of a track are not: where somebody was is nobody's business once the
distance is known. They are part of the hash, so that a changed track is a changed record.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from domain.footprint.model import ActivitySource, ActivityStatus
from domain.footprint.records import Charge, Journey, Purchase

CapturedRecord: TypeAlias = Journey | Purchase | Charge


@dataclass(frozen=True, slots=True)
class CapturedDraft:
    """The activity that a record is to become, before its factor is looked up.

    `activity` is a factor id, `region` None where the person's own is meant. Where the record alone does not tell,
    `choices` are the factor ids among which the person is asked, `status` is QUARANTINED and `activity` is the choice
    that is shown meanwhile. An `activity` of None means that nothing is to be counted, and `reason` says why; such a
    record is remembered all the same, so that it replaces what an earlier file said of it. `reason` of a quarantined
    draft is the question to the person. The quantity of a refund is below zero. `topic` names what an answer is about
    (a payee, a socket), so that it holds for later records of the same; empty where an answer is for this one alone.
    """

    activity: str | None
    quantity: Decimal
    unit: str
    started_at: datetime
    ended_at: datetime | None
    source: ActivitySource
    region: str | None = None
    shared_by: int = 1
    status: ActivityStatus = ActivityStatus.COUNTED
    reason: str = ""
    choices: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """A judged record. `cancels` names the record of the same source that this one undoes."""

    kind: str
    source: str
    record: str
    payload: str
    payload_hash: bytes
    draft: CapturedDraft
    cancels: str | None = None
    line: int | None = None


def captured(record: CapturedRecord, draft: CapturedDraft) -> Captured:
    payload, payload_hash = _payload(record)
    return Captured(
        kind=type(record).__name__.upper(),
        source=record.source,
        record=record.record,
        payload=payload,
        payload_hash=payload_hash,
        draft=draft,
        cancels=record.cancels if isinstance(record, Charge) else None,
        line=record.line,
    )


def _payload(record: CapturedRecord) -> tuple[str, bytes]:
    """JSON of what the record says, and the hash of all of it. Where in the file it stood is no part of it."""
    values: dict[str, Any] = {
        field.name: _plain(getattr(record, field.name)) for field in fields(record) if field.name not in _APART
    }
    track = b""
    if isinstance(record, Journey):
        values["positions"] = len(record.track)
        track = repr([(point.at, point.latitude, point.longitude) for point in record.track]).encode()
    text = json.dumps(values, sort_keys=True)
    return text, hashlib.sha256(text.encode() + track).digest()


_APART = frozenset({"line", "track"})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value
