"""From a journey to an activity: its distance at the factor of its mode.

A car's factor is for the vehicle and is divided by those who shared it; a bus or train factor is for one passenger.
What nobody can tell from a track, bus, car or train, is asked. Walking and cycling emit nothing and are not counted.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from domain.footprint.captured import CapturedDraft
from domain.footprint.charge_draft import draft_of_electric_trip
from domain.footprint.model import ActivitySource, ActivityStatus
from domain.footprint.records import Journey, Position, TravelMode

EARTH_RADIUS_METRES = 6_371_009
"""Mean radius of WGS 84 (IUGG)."""
_MUSCLE = frozenset({TravelMode.WALK, TravelMode.BICYCLE})
_FACTORS = {
    "GB": {
        TravelMode.CAR: ("transport.car.unknown.average", "km"),
        TravelMode.MOTORCYCLE: ("transport.motorbike.average", "km"),
        TravelMode.TAXI: ("transport.taxi.regular.vehicle", "km"),
        TravelMode.BUS: ("transport.bus.local_average", "passenger_km"),
        TravelMode.TRAM: ("transport.rail.light_rail_tram", "passenger_km"),
        TravelMode.METRO: ("transport.rail.london_underground", "passenger_km"),
        TravelMode.TRAIN: ("transport.rail.national", "passenger_km"),
        TravelMode.FERRY: ("transport.ferry.foot_passenger", "passenger_km"),
        TravelMode.PLANE: ("transport.flight.short_haul.average.without_rf", "passenger_km"),
    },
    "US": {
        TravelMode.CAR: ("transport.car.passenger_car", "km"),
        TravelMode.MOTORCYCLE: ("transport.motorbike.motorcycle", "km"),
        TravelMode.TAXI: ("transport.car.passenger_car", "km"),
        TravelMode.BUS: ("transport.bus.average", "passenger_km"),
        TravelMode.TRAM: ("transport.rail.transit", "passenger_km"),
        TravelMode.METRO: ("transport.rail.transit", "passenger_km"),
        TravelMode.TRAIN: ("transport.rail.intercity_average", "passenger_km"),
        TravelMode.PLANE: ("transport.flight.medium_haul_300_to_2300mi", "passenger_km"),
    },
}
_CHOICES = (TravelMode.CAR, TravelMode.BUS, TravelMode.TRAIN)
_HOME = "GB"


def draft_of_journey(journey: Journey, region: str) -> CapturedDraft:
    if journey.kwh is not None:
        return draft_of_electric_trip(journey, journey.kwh)
    metres = journey.metres if journey.metres is not None else track_metres(journey.track)
    asks = journey.mode in (TravelMode.MOTORISED, TravelMode.UNKNOWN)
    country = region.partition("-")[0]
    home = country if country in _FACTORS else _HOME
    mode = TravelMode.CAR if asks else journey.mode
    if mode in _MUSCLE:
        return _draft(journey, None, Decimal(0), "km", reason="Walking and cycling emit nothing.")
    if mode not in _FACTORS[home]:
        home = _HOME
    activity, unit = _FACTORS[home][mode]
    return _draft(
        journey,
        activity,
        metres / 1000,
        unit,
        region=home,
        shared_by=journey.shared_by if unit == "km" else 1,
        status=ActivityStatus.QUARANTINED if asks else ActivityStatus.COUNTED,
        reason="Was this a car, a bus or a train? Discard it if you walked or cycled." if asks else "",
        choices=tuple(_FACTORS[home][choice][0] for choice in _CHOICES) if asks else (),
        caveats=() if home == country else (f"No factor of travel for {country}: the one of {home} was taken.",),
    )


def _draft(
    journey: Journey,
    activity: str | None,
    quantity: Decimal,
    unit: str,
    *,
    region: str | None = None,
    shared_by: int = 1,
    status: ActivityStatus = ActivityStatus.COUNTED,
    reason: str = "",
    choices: tuple[str, ...] = (),
    caveats: tuple[str, ...] = (),
) -> CapturedDraft:
    return CapturedDraft(
        activity=activity,
        quantity=quantity,
        unit=unit,
        started_at=journey.start,
        ended_at=journey.end,
        source=ActivitySource.PHONE,
        region=region,
        shared_by=shared_by,
        status=status,
        reason=reason,
        choices=choices,
        caveats=caveats,
    )


def track_metres(track: Sequence[Position]) -> Decimal:
    """Length of the track over a sphere of mean radius, to a metre."""
    millimetres = sum(_millimetres(before, after) for before, after in pairwise(track))
    return (Decimal(millimetres) / 1000).quantize(Decimal(1))


def _millimetres(before: Position, after: Position) -> int:
    """Haversine distance."""
    north, south = math.radians(before.latitude), math.radians(after.latitude)
    east = math.radians(after.longitude - before.longitude)
    half = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    return round(2_000 * EARTH_RADIUS_METRES * math.asin(math.sqrt(min(1, half))))
