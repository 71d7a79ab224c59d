"""From a journey to an activity: its distance at the factor of its mode.

A car's factor is for the vehicle and is divided by those who shared it; a bus or train factor is for one passenger.
What nobody can tell from a track, bus, car or train, is asked, once for each way: from here to there, with the same
choices. Walking and cycling emit nothing and are not counted.
"""

import hashlib
from decimal import Decimal

from domain.footprint.answers import WAY
from domain.footprint.captured import CapturedDraft
from domain.footprint.charge_draft import draft_of_electric_trip
from domain.footprint.model import ActivitySource, ActivityStatus
from domain.footprint.records import TRANSIT_CARD, Journey
from domain.footprint.travel import MUSCLE, ONLY_MEAN, Trip, trip_of
from domain.footprint.travel_factors import TravelFactor, choices_of, factor_of

_HOLDS = "Your answer settles this way wherever it waits; what you choose holds for later journeys too."
_ASKED = "Was this a car, a bus or a train? Discard it if you walked or cycled."


def draft_of_journey(journey: Journey, region: str) -> CapturedDraft:
    """Raises NoJourney."""
    if journey.kwh is not None:
        return draft_of_electric_trip(journey, journey.kwh)
    return draft_of_trip(trip_of(journey), region)


def draft_of_trip(trip: Trip, region: str) -> CapturedDraft:
    if trip.mode in MUSCLE:
        return _draft(trip, None, reason="Walking and cycling emit nothing.")
    if trip.mode in ONLY_MEAN:
        choices = choices_of(trip.metres, region)
        return _draft(trip, choices[0], reason=f"{trip.doubt} {_ASKED}".strip(), choices=choices)
    factor = factor_of(trip.mode, trip.metres, region)
    if not trip.doubt:
        return _draft(trip, factor)
    others = tuple(choice for choice in choices_of(trip.metres, region) if choice.activity != factor.activity)
    reason = f"{trip.doubt} What was it? Discard it if you walked or cycled, or if it is told twice."
    return _draft(trip, factor, reason=reason, choices=(factor, *others))


def _draft(
    trip: Trip, factor: TravelFactor | None, *, reason: str = "", choices: tuple[TravelFactor, ...] = ()
) -> CapturedDraft:
    journey = trip.journey
    topic = _topic(trip.way, choices) if choices and trip.way else ""
    return CapturedDraft(
        activity=factor.activity if factor else None,
        quantity=Decimal(trip.metres) / 1000 if factor else Decimal(0),
        unit=factor.unit if factor else "km",
        started_at=journey.start,
        ended_at=journey.end,
        source=ActivitySource.TRANSIT if journey.source == TRANSIT_CARD else ActivitySource.PHONE,
        region=factor.region if factor else None,
        shared_by=journey.shared_by if factor and factor.unit == "km" else 1,
        status=ActivityStatus.QUARANTINED if choices else ActivityStatus.COUNTED,
        reason=f"{reason} {_HOLDS}" if topic else reason,
        choices=tuple(choice.activity for choice in choices),
        caveats=(*trip.caveats, *(factor.caveats if factor else ())),
        topic=topic,
    )


def _topic(way: str, choices: tuple[TravelFactor, ...]) -> str:
    asked = repr(sorted(choice.activity for choice in choices))
    return f"{WAY}{hashlib.sha256(f'{way} {asked}'.encode()).hexdigest()[:32]}"
