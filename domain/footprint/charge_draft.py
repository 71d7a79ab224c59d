"""From a charging session to an activity: the energy that went into the car, at the factor of mains electricity.

Home charging is in the house meter already and would count twice. Where the file does not tell, the person is asked,
once for each socket. A session abroad counts at the mains of that country, one in the person's own country at those of
the person's own region, which may be more exact.
"""

from decimal import Decimal

from domain.footprint.captured import CapturedDraft
from domain.footprint.factor_choice import MAINS
from domain.footprint.model import ActivitySource, ActivityStatus
from domain.footprint.records import Charge, Journey


def draft_of_charge(charge: Charge, region: str) -> CapturedDraft:
    draft = _draft(charge, region)
    if charge.cancels is not None:
        return _not_counted(draft, "It cancels an earlier session.")
    if charge.at_home:
        return _not_counted(draft, "The meter of the house has this energy already.")
    return draft


def draft_of_electric_trip(journey: Journey, kwh: Decimal) -> CapturedDraft:
    """The energy that an electric car used: it came out of a socket, so it is asked whether that was counted."""
    return CapturedDraft(
        activity=MAINS,
        quantity=kwh,
        unit="kWh",
        started_at=journey.start,
        ended_at=journey.end,
        source=ActivitySource.DEVICE,
        shared_by=journey.shared_by,
        status=ActivityStatus.QUARANTINED,
        reason="Is this car's charging counted by your meter or a charger? Discard the trip then, confirm it if not.",
        topic=f"car {journey.source}"[:120],
    )


def _draft(charge: Charge, region: str) -> CapturedDraft:
    is_own_country = charge.region == region.partition("-")[0]
    asks = charge.at_home is None
    return CapturedDraft(
        activity=MAINS,
        quantity=charge.kwh,
        unit="kWh",
        started_at=charge.start,
        ended_at=charge.end,
        source=ActivitySource.DEVICE,
        region=None if is_own_country else charge.region,
        status=ActivityStatus.QUARANTINED if asks else ActivityStatus.COUNTED,
        reason="Was this charged at home? Your meter has it then: discard it. Confirm it if not." if asks else "",
        topic=f"socket {charge.socket}"[:120] if asks and charge.socket else "",
    )


def _not_counted(draft: CapturedDraft, reason: str) -> CapturedDraft:
    return CapturedDraft(
        activity=None,
        quantity=Decimal(0),
        unit=draft.unit,
        started_at=draft.started_at,
        ended_at=draft.ended_at,
        source=draft.source,
        reason=reason,
    )
