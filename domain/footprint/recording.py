"""From the draft of a captured record to the activity that is recorded."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from domain.footprint.calculation import emissions_of
from domain.footprint.captured import CapturedDraft
from domain.footprint.factor_choice import MAINS, FactorChoice
from domain.footprint.model import Activity
from domain.footprint.units import fitting_unit
from domain.ids import new_id


async def activity_of_draft(
    choice: FactorChoice, draft: CapturedDraft, *, owner: int, region: str, zone: ZoneInfo, now: datetime
) -> Activity:
    """The activity of a draft that has one. Raises NotFound without a factor, InvalidInput where it does not fit."""
    assert draft.activity is not None
    local_date = draft.started_at.astimezone(zone).date()
    chosen = await choice.of(draft.activity, draft.region or region, local_date, metered=draft.activity == MAINS)
    told = replace(chosen, caveats=(*draft.caveats, *chosen.caveats))
    unit = fitting_unit(draft.unit, chosen.factor.unit)
    shared_by = draft.shared_by if unit == draft.unit else 1
    emissions, explanation = emissions_of(draft.quantity, unit, told, shared_by)
    key = new_id(now)
    return Activity(
        id=key,
        owner=owner,
        client_id=key,
        activity=draft.activity,
        category=chosen.factor.category,
        quantity=draft.quantity,
        unit=unit,
        started_at=draft.started_at.astimezone(UTC),
        ended_at=draft.ended_at.astimezone(UTC) if draft.ended_at else None,
        local_date=local_date,
        source=draft.source,
        status=draft.status,
        emissions=emissions,
        explanation=explanation,
        reason=draft.reason,
        choices=draft.choices,
        region=draft.region,
        shared_by=shared_by,
        factor_rows=tuple(row.id for row in chosen.rows),
    )
