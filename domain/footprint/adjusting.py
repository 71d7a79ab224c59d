"""What becomes of an activity whose factor was corrected after it was recorded. Pure.

Its own rows are chosen again: the same factor, in the same region, on the same day. Nothing is put in the place of a
row that was withdrawn for good, and an activity that its rows do not explain to the gram is left alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.footprint.calculation import ChosenFactor, choose, emissions_of, is_of_edition
from domain.footprint.household import share_of
from domain.footprint.model import Activity, ActivitySource, ActivityStatus, EmissionFactor, Explanation
from domain.footprint.units import plain
from domain.ids import new_id


def adjusted(
    activity: Activity,
    was: Sequence[EmissionFactor],
    current: Sequence[EmissionFactor],
    now: datetime,
    members: Sequence[int] = (),
) -> Activity | None:
    """The activity with the rows that hold now; None where nothing takes their place, or they are the same.

    It has a new id and names the old one where its grams or its factor differ; with the same id, only `factor_rows`
    changed. `was` are the rows behind the activity in their order, `current` all rows that hold of their ids, `members`
    those who share the meter on that day, so that their parts are the whole again.
    """
    holds = []
    for row in was:
        candidates = [other for other in current if other.factor_id == row.factor_id]
        chosen = choose(candidates, [row.region], activity.local_date)
        if chosen is None or (chosen.caveats and _covers(row, activity)):
            return None
        holds.append(chosen)
    if not holds or not _explains(_together([ChosenFactor(row) for row in was]), activity):
        return None
    now_holds = _together(holds)
    if tuple(row.id for row in now_holds.rows) == activity.factor_rows:
        return None
    emissions, explanation = _shared(activity, now_holds, members, now) if members else _computed(activity, now_holds)
    rows = tuple(row.id for row in now_holds.rows)
    known = activity.explanation
    before = (known.factor_kg_per_unit, known.emissions_low, known.emissions_high, activity.emissions)
    if before == (explanation.factor_kg_per_unit, explanation.emissions_low, explanation.emissions_high, emissions):
        return replace(activity, factor_rows=rows)
    kept = [caveat for caveat in known.caveats if not is_of_edition(caveat)]
    key = new_id(now)
    return replace(
        activity,
        id=key,
        client_id=key,
        status=ActivityStatus.COUNTED,
        emissions=emissions,
        explanation=replace(
            explanation, caveats=(*kept, *now_holds.caveats, _correction(activity, emissions, now_holds))
        ),
        factor_rows=rows,
        adjusts=activity.id,
    )


def _covers(row: EmissionFactor, activity: Activity) -> bool:
    day = activity.local_date
    return row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)


def _together(chosen: Sequence[ChosenFactor]) -> ChosenFactor:
    """A factor and, where there is a second one, the supply of its fuel."""
    caveats = tuple(dict.fromkeys(caveat for each in chosen for caveat in each.caveats))
    return ChosenFactor(chosen[0].factor, caveats, chosen[1].factor if len(chosen) > 1 else None)


def _computed(activity: Activity, chosen: ChosenFactor) -> tuple[int, Explanation]:
    return emissions_of(
        activity.explanation.converted_quantity, activity.explanation.factor_unit, chosen, activity.shared_by
    )


def _shared(activity: Activity, chosen: ChosenFactor, members: Sequence[int], now: datetime) -> tuple[int, Explanation]:
    whole = _computed(replace(activity, shared_by=1), chosen)
    own = share_of(replace(activity, emissions=whole[0], explanation=whole[1]), activity.owner, members, now)
    return own.emissions, own.explanation


def _explains(chosen: ChosenFactor, activity: Activity) -> bool:
    """To the gram; of a meter or device that is shared somebody has a gram more, so that the shares are the whole."""
    is_share = activity.source in (ActivitySource.METER, ActivitySource.DEVICE) and activity.shared_by > 1
    return abs(_computed(activity, chosen)[0] - activity.emissions) <= (1 if is_share else 0)


def _correction(activity: Activity, emissions: int, holds: ChosenFactor) -> str:
    """For example: Corrected: edition 2025 had 0.2 kg CO2e/km, edition 2025 has 0.19 now; 2000 g became 1900 g."""
    old, unit = activity.explanation, holds.factor.unit
    return (
        f"Corrected: edition {old.edition} had {plain(old.factor_kg_per_unit)} kg CO2e/{unit}, "
        f"edition {holds.factor.edition} has {plain(holds.kg_per_unit)} now; "
        f"{activity.emissions} g became {emissions} g."
    )
