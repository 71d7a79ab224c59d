"""Recording what a person did, and adding it up."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.errors import DomainError, IdempotencyKeyReused, InvalidInput
from domain.footprint.calculation import check_shared_by, emissions_of
from domain.footprint.factor_choice import FactorChoice, is_factor_id
from domain.footprint.model import Activity, ActivityDraft, ActivitySource, ActivityStatus
from domain.footprint.plausibility import Habit, Whereabouts, doubt_of, is_travel
from domain.footprint.summary import FootprintSummary
from domain.footprint.units import decimal_of, has_places, is_unit
from domain.footprint.verdict import EARLIEST
from domain.ids import client_key, new_id
from domain.ports import FactorStore, FootprintStore, ProgrammeStore

ACTIVITIES_MAX = 500
SUMMARY_DAYS_MAX = 3_660
QUANTITY_MAX = Decimal(10**12)
DECIMAL_PLACES_MAX = 30
CLOCK_GRACE = timedelta(minutes=5)
METERED_SOURCES = frozenset({ActivitySource.METER, ActivitySource.DEVICE})
FOLLOWED_SOURCES = frozenset({ActivitySource.PHONE, ActivitySource.TRANSIT})
"""Sources that know to the minute when somebody was on the way."""

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?|GLOBAL", re.ASCII)


async def record_activities(
    factors: FactorStore,
    footprint: FootprintStore,
    *,
    owner: int,
    region: str,
    time_zone: str,
    drafts: Sequence[ActivityDraft],
    now: datetime,
) -> list[Activity | DomainError]:
    """For each draft, in order, its record or why there is none: one wrong draft does not keep the others out.

    The same client id with the same payload is the record that it was at first; with another payload it is
    IdempotencyKeyReused. Raises InvalidInput for more than ACTIVITIES_MAX drafts.
    """
    if len(drafts) > ACTIVITIES_MAX:
        raise InvalidInput(f"At most {ACTIVITIES_MAX} activities in one request.", field="activities")
    keys = [client_key(draft.client_id) for draft in drafts]
    hashes = [_payload_hash(draft) for draft in drafts]
    recorded = await footprint.by_client_ids(owner, [key for key in keys if key])
    choice = await FactorChoice.of_owner(factors, owner)
    results: list[Activity | DomainError] = []
    fresh: dict[UUID, tuple[Activity, bytes]] = {}
    for draft, key, payload_hash in zip(drafts, keys, hashes, strict=True):
        result = _earlier(key, payload_hash, recorded) or _earlier(key, payload_hash, fresh)
        if result is None:
            result = await _judged(draft, key, owner, region, time_zone, choice, now)
            if key and isinstance(result, Activity):
                fresh[key] = (result, payload_hash)
        results.append(result)
    if fresh:
        habits = await _doubt(footprint, owner, fresh)
        results = [
            fresh[key][0] if key in fresh and isinstance(result, Activity) and result.id == fresh[key][0].id else result
            for key, result in zip(keys, results, strict=True)
        ]
        new = await footprint.record(owner, list(fresh.values()), habits)
        lost = [key for key in fresh if key not in new]
        if lost:
            theirs = await footprint.by_client_ids(owner, lost)
            results = [
                _earlier(key, payload_hash, theirs) or result
                for key, payload_hash, result in zip(keys, hashes, results, strict=True)
            ]
    return results


async def _doubt(footprint: FootprintStore, owner: int, fresh: dict[UUID, tuple[Activity, bytes]]) -> dict[str, Habit]:
    """Puts into quarantine what should be asked about; the others teach what is usual."""
    activities = [activity for activity, _payload_hash in fresh.values()]
    habits = await footprint.habits(owner, sorted({activity.activity for activity in activities}))
    whereabouts = await _whereabouts(footprint, owner, activities)
    for key, (activity, payload_hash) in fresh.items():
        habit = habits[activity.activity]
        reason = doubt_of(activity, habit)
        if not reason and whereabouts is not None and _is_followed(activity):
            reason = whereabouts.add(activity.started_at, activity.ended_at or activity.started_at)
        if reason:
            fresh[key] = (replace(activity, status=ActivityStatus.QUARANTINED, reason=reason), payload_hash)
        else:
            habit.learn(activity.explanation.converted_quantity)
    return habits


async def _whereabouts(footprint: FootprintStore, owner: int, activities: Sequence[Activity]) -> Whereabouts | None:
    """None where no device followed any of these journeys: what is written down by hand is not timed to the minute."""
    followed = [(activity.started_at, activity.ended_at) for activity in activities if _is_followed(activity)]
    if not followed:
        return None
    ends = [end for _start, end in followed if end is not None]
    return await footprint.whereabouts(owner, min(start for start, _end in followed), max(ends))


def _is_followed(activity: Activity) -> bool:
    return activity.source in FOLLOWED_SOURCES and activity.ended_at is not None and is_travel(activity)


def _earlier(
    key: UUID | None, payload_hash: bytes, known: dict[UUID, tuple[Activity, bytes]]
) -> Activity | DomainError | None:
    if key is None or key not in known:
        return None
    activity, known_hash = known[key]
    return activity if known_hash == payload_hash else IdempotencyKeyReused()


def _payload_hash(draft: ActivityDraft) -> bytes:
    """SHA-256 of what was asked for; 1.0 and 1.00 are the same quantity, and so are two spellings of one moment."""
    quantity = decimal_of(draft.quantity)
    plain = replace(draft, client_id="", quantity=str(quantity.normalize()) if quantity is not None else draft.quantity)
    values = [
        plain.activity,
        plain.quantity,
        plain.unit,
        plain.started_at.astimezone(UTC).isoformat(),
        plain.ended_at.astimezone(UTC).isoformat() if plain.ended_at else None,
        plain.region,
        plain.source.value,
        plain.shared_by,
    ]
    return hashlib.sha256(json.dumps(values).encode()).digest()


async def _judged(
    draft: ActivityDraft,
    key: UUID | None,
    owner: int,
    region: str,
    time_zone: str,
    choice: FactorChoice,
    now: datetime,
) -> Activity | DomainError:
    try:
        if key is None:
            raise InvalidInput("The client id is not a UUID in its 8-4-4-4-12 form.", field="clientId")
        quantity = _checked_quantity(draft.quantity)
        _check_names(draft)
        _check_times(draft, now)
        local_date = draft.started_at.astimezone(ZoneInfo(time_zone)).date()
        chosen = await choice.of(
            draft.activity, draft.region or region, local_date, metered=draft.source in METERED_SOURCES
        )
        emissions, explanation = emissions_of(quantity, draft.unit, chosen, draft.shared_by)
    except DomainError as refusal:
        return refusal
    return Activity(
        id=new_id(now),
        owner=owner,
        client_id=key,
        activity=draft.activity,
        category=chosen.factor.category,
        quantity=quantity,
        unit=draft.unit,
        started_at=draft.started_at.astimezone(UTC),
        ended_at=draft.ended_at.astimezone(UTC) if draft.ended_at else None,
        local_date=local_date,
        source=draft.source,
        status=ActivityStatus.COUNTED,
        emissions=emissions,
        explanation=explanation,
        region=draft.region,
        shared_by=draft.shared_by,
        factor_rows=tuple(row.id for row in chosen.rows),
    )


def _checked_quantity(text: str) -> Decimal:
    quantity = decimal_of(text)
    if quantity is None:
        raise InvalidInput("The quantity is not a number. Write digits and a point, such as 12.5.", field="quantity")
    if quantity == 0:
        return Decimal(0)
    if quantity < 0:
        raise InvalidInput("The quantity is below zero.", field="quantity")
    if quantity > QUANTITY_MAX:
        raise InvalidInput("This quantity is more than one activity can be.", field="quantity")
    if not has_places(quantity, DECIMAL_PLACES_MAX):
        raise InvalidInput(f"The quantity has more than {DECIMAL_PLACES_MAX} decimal places.", field="quantity")
    return quantity


def _check_names(draft: ActivityDraft) -> None:
    if not is_factor_id(draft.activity):
        raise InvalidInput("The activity is not the name of an emission factor.", field="activity")
    if not is_unit(draft.unit):
        raise InvalidInput("The unit is not known. Use the factor's, or one like mile for km.", field="unit")
    if draft.region is not None and not _REGION.fullmatch(draft.region):
        raise InvalidInput("The region is not an ISO 3166 code such as GB or CN-GD.", field="region")
    check_shared_by(draft.shared_by)


def _check_times(draft: ActivityDraft, now: datetime) -> None:
    if draft.started_at < EARLIEST:
        raise InvalidInput(f"Activities before {EARLIEST.year} are not counted.", field="startedAt")
    if draft.started_at > now + CLOCK_GRACE:
        raise InvalidInput("The activity starts in the future.", field="startedAt")
    if draft.ended_at is not None and draft.ended_at < draft.started_at:
        raise InvalidInput("The activity ends before it starts.", field="endedAt")
    if draft.ended_at is not None and draft.ended_at > now + CLOCK_GRACE:
        raise InvalidInput("The activity ends in the future.", field="endedAt")


async def summarise(
    footprint: FootprintStore, programmes: ProgrammeStore, *, owner: int, from_date: date, to_date: date
) -> FootprintSummary:
    """What was counted on these days, both included; a member's allowance is weeklyAllowance x days / 7, rounded down.

    Raises InvalidInput where the range is empty or longer than SUMMARY_DAYS_MAX.
    """
    days = (to_date - from_date).days + 1
    if days < 1:
        raise InvalidInput("`from` lies after `to`.", field="from")
    if days > SUMMARY_DAYS_MAX:
        raise InvalidInput(f"At most {SUMMARY_DAYS_MAX} days in one summary.", field="to")
    summary = await footprint.summary(owner, from_date, to_date)
    programme = await programmes.programme_of(owner)
    if programme is None:
        return summary
    allowance = programme.weekly_allowance * days // 7
    return replace(summary, allowance=allowance, remaining=allowance - summary.total)
