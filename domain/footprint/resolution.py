"""What a person says of an activity: that it is right, that it never was, or what it was.

The answer takes the activity's place: it is REVERSED and linked to the new one (`adjusted_by`), and both stay. The same
answer again gives the same result; another answer to an activity that was answered goes to the one in its place.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.errors import InvalidInput, NotFound
from domain.footprint.adjusting import adjusted
from domain.footprint.calculation import check_shared_by, emissions_of
from domain.footprint.factor_choice import MAINS, FactorChoice, is_factor_id
from domain.footprint.model import Activity, ActivityAnswer, ActivityResolution, ActivitySource, ActivityStatus
from domain.footprint.units import fitting_unit
from domain.ids import new_id
from domain.ports import AnswerStore, FactorStore, FootprintStore

_METERED = frozenset({ActivitySource.METER})
ALIKE_MAX = 500
"""So many others that ask the same are settled with one answer."""


async def resolve_activity(
    factors: FactorStore,
    footprint: FootprintStore,
    answers: AnswerStore,
    *,
    owner: int,
    region: str,
    activity_id: UUID,
    answer: ActivityAnswer,
    now: datetime,
) -> Activity:
    """What stands in the activity's place: for DISCARD itself, REVERSED. Others that ask the same are settled alike.

    Raises NotFound for what is not there or somebody else's, InvalidInput where the answer does not fit.
    """
    _check_form(answer)
    activity = await footprint.activity(owner, activity_id)
    if activity is None:
        raise NotFound("There is no such Activity.")
    if activity.status is ActivityStatus.REVERSED:
        return await _answered_before(footprint, answers, owner, activity, answer)
    if answer.resolution is ActivityResolution.CONFIRM and activity.status is ActivityStatus.COUNTED:
        return activity
    choice = await FactorChoice.of_owner(factors, owner)
    replacement = await _replacement(choice, activity, answer, region, now)
    if not await answers.settle(owner, activity, answer, replacement, now):
        activity = await footprint.activity(owner, activity_id) or activity
        return await _answered_before(footprint, answers, owner, activity, answer)
    result = replacement or replace(activity, status=ActivityStatus.REVERSED)
    for alike in await answers.waiting_alike(owner, result.id, ALIKE_MAX):
        waiting = await footprint.activity(owner, alike)
        if waiting is not None and waiting.status is ActivityStatus.QUARANTINED:
            await answers.settle(owner, waiting, answer, await _replacement(choice, waiting, answer, region, now), now)
    return result


def _check_form(answer: ActivityAnswer) -> None:
    if answer.resolution is not ActivityResolution.CHOOSE:
        if answer.activity is not None:
            raise InvalidInput("Only CHOOSE takes an activity.", field="activity")
        if answer.shared_by is not None:
            raise InvalidInput("Only CHOOSE takes a number of people.", field="sharedBy")
    elif answer.activity is None and answer.shared_by is None:
        raise InvalidInput("Say which activity it was, or how many shared it.", field="activity")
    if answer.activity is not None and not is_factor_id(answer.activity):
        raise InvalidInput("The activity is not the name of an emission factor.", field="activity")
    if answer.shared_by is not None:
        check_shared_by(answer.shared_by)


async def _answered_before(
    footprint: FootprintStore, answers: AnswerStore, owner: int, activity: Activity, answer: ActivityAnswer
) -> Activity:
    """The same answer's result, as it is now."""
    if await answers.answer_to(owner, activity.id) != answer:
        raise InvalidInput("This activity does not count any more. Look for the one in its place.", field="id")
    while activity.adjusted_by is not None:
        following = await footprint.activity(owner, activity.adjusted_by)
        if following is None:
            break
        activity = following
    return activity


async def _replacement(
    choice: FactorChoice, activity: Activity, answer: ActivityAnswer, region: str, now: datetime
) -> Activity | None:
    """The activity that takes the place; None for DISCARD."""
    waits = activity.status is ActivityStatus.QUARANTINED
    if activity.source in _METERED and not waits:
        raise InvalidInput(
            "What a meter counted stays as it is. Send the meter's file again to correct it.", field="id"
        )
    if answer.resolution is ActivityResolution.DISCARD:
        return None
    if answer.resolution is ActivityResolution.CONFIRM:
        if activity.choices:
            raise InvalidInput(f"Choose one of {', '.join(activity.choices)}.", field="activity")
        return await _confirmed(choice, activity, now)
    if activity.source in _METERED:
        raise InvalidInput("A meter's day is confirmed or discarded.", field="resolution")
    return await _chosen(choice, activity, answer, region, now)


async def _confirmed(choice: FactorChoice, activity: Activity, now: datetime) -> Activity:
    """As it is, by what its factor says now: corrections pass by what waits."""
    was, current = await choice.then_and_now(activity.factor_rows)
    corrected = adjusted(activity, was, current, now)
    return _in_its_place(activity if corrected is None else replace(corrected, id=activity.id), now)


def _in_its_place(activity: Activity, now: datetime) -> Activity:
    key = new_id(now)
    return replace(
        activity,
        id=key,
        client_id=key,
        status=ActivityStatus.COUNTED,
        reason="",
        choices=(),
        adjusts=activity.id,
        adjusted_by=None,
    )


async def _chosen(
    choice: FactorChoice, activity: Activity, answer: ActivityAnswer, region: str, now: datetime
) -> Activity:
    name = answer.activity or activity.activity
    if answer.activity is None and activity.choices:
        raise InvalidInput(f"Choose one of {', '.join(activity.choices)}.", field="activity")
    if activity.choices and name not in activity.choices:
        raise InvalidInput(f"This is none of the choices: {', '.join(activity.choices)}.", field="activity")
    chosen = await choice.of(name, activity.region or region, activity.local_date, metered=name == MAINS)
    unit = fitting_unit(activity.unit, chosen.factor.unit)
    shared_by = answer.shared_by or (1 if unit != activity.unit else activity.shared_by)
    if shared_by > 1 and unit in ("passenger_km", "passenger_mile"):
        raise InvalidInput(f"{name} is counted for one passenger already and cannot be shared.", field="sharedBy")
    emissions, explanation = emissions_of(activity.quantity, unit, chosen, shared_by)
    return replace(
        _in_its_place(activity, now),
        activity=name,
        category=chosen.factor.category,
        unit=unit,
        emissions=emissions,
        explanation=explanation,
        shared_by=shared_by,
        factor_rows=tuple(row.id for row in chosen.rows),
    )
