"""What becomes of an activity that was recorded before its owner joined a programme: it follows the programme's basis.

The factor is chosen again, in the region and for the day for which it was chosen before. What the programme leaves out,
or counts with something else, waits for its owner.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.errors import InvalidInput, NotFound
from domain.footprint.calculation import ChosenFactor, emissions_of, is_of_edition
from domain.footprint.factor_choice import FactorChoice
from domain.footprint.household import share_of
from domain.footprint.model import Activity, ActivitySource, ActivityStatus
from domain.ids import new_id

_METERED = frozenset({ActivitySource.METER, ActivitySource.DEVICE})


async def on_basis(
    choice: FactorChoice, freely: FactorChoice, activity: Activity, now: datetime, members: Sequence[int] = ()
) -> Activity | None:
    """The activity that takes the place of this one, None where nothing changes.

    `choice` is by the programme's basis, `freely` by none; `members` are those who share the meter on that day.
    """
    try:
        anew = await counted_by(choice, activity, now, members)
    except NotFound as refusal:
        try:
            await _chosen(freely, activity)
        except NotFound:
            return None
        return _in_its_place(activity, now, status=ActivityStatus.QUARANTINED, reason=refusal.message)
    if anew is None:
        return None
    told = f"Counted anew by the basis of your programme: {activity.emissions} g became {anew.emissions} g."
    explanation = replace(anew.explanation, caveats=(*anew.explanation.caveats, told))
    return _in_its_place(anew, now, explanation=explanation)


async def counted_by(
    choice: FactorChoice, activity: Activity, now: datetime, members: Sequence[int] = ()
) -> Activity | None:
    """The same activity by another choice of its factor; None where nothing changes. Raises NotFound.

    The parts of a meter's day by one choice are the whole by it.
    """
    chosen = await _chosen(choice, activity)
    try:
        shared_by = 1 if members else activity.shared_by
        emissions, explanation = emissions_of(activity.quantity, activity.unit, chosen, shared_by)
    except InvalidInput:
        return None
    known = activity.explanation
    if (known.factor_id, known.factor_kg_per_unit) == (explanation.factor_id, explanation.factor_kg_per_unit):
        return None
    if members:
        own = share_of(replace(activity, emissions=emissions, explanation=explanation), activity.owner, members, now)
        emissions, explanation = own.emissions, own.explanation
    kept = [caveat for caveat in known.caveats if not is_of_edition(caveat) and caveat not in chosen.caveats]
    return replace(
        activity,
        category=chosen.factor.category,
        emissions=emissions,
        explanation=replace(explanation, caveats=(*chosen.caveats, *kept)),
        factor_rows=tuple(row.id for row in chosen.rows),
    )


async def _chosen(choice: FactorChoice, activity: Activity) -> ChosenFactor:
    metered = activity.source in _METERED
    return await choice.of(activity.activity, activity.explanation.region, activity.local_date, metered=metered)


def _in_its_place(activity: Activity, now: datetime, **changed: object) -> Activity:
    key = new_id(now)
    return replace(activity, id=key, client_id=key, adjusts=activity.id, **changed)  # type: ignore[arg-type]
