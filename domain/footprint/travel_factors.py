"""Which factor stands for a way of travel, by the country of the person.

The United Kingdom (DESNZ) and the United States (EPA) publish a whole set of direct factors; everybody else's travel is
counted with the first of them, and says so: to take a bus of one scope and a car of another would add what cannot be
added. Flights of other countries have a row for the world. A car's or a motorbike's factor is for the vehicle, all
others are for a passenger. Flights are told apart by distance as the tables do: in the UK at 3,700 km, in the US at
300 and 2,300 miles.
"""

from dataclasses import dataclass

from domain.footprint.calculation import GLOBAL
from domain.footprint.records import TravelMode

LONG_HAUL_METRES = 3_700_000
US_SHORT_METRES = 482_803
US_LONG_METRES = 3_701_491
FLIGHT_LIKELY_METRES = 150_000
"""Somebody who went as far as this may have flown."""
_HOME = "GB"
_VEHICLE, _PASSENGER = "km", "passenger_km"
_MODES = {
    "GB": {
        TravelMode.CAR: ("transport.car.unknown.average", _VEHICLE),
        TravelMode.MOTORCYCLE: ("transport.motorbike.average", _VEHICLE),
        TravelMode.TAXI: ("transport.taxi.regular.vehicle", _VEHICLE),
        TravelMode.BUS: ("transport.bus.local_average", _PASSENGER),
        TravelMode.TRAM: ("transport.rail.light_rail_tram", _PASSENGER),
        TravelMode.METRO: ("transport.rail.london_underground", _PASSENGER),
        TravelMode.TRAIN: ("transport.rail.national", _PASSENGER),
        TravelMode.FERRY: ("transport.ferry.foot_passenger", _PASSENGER),
    },
    "US": {
        TravelMode.CAR: ("transport.car.passenger_car", _VEHICLE),
        TravelMode.MOTORCYCLE: ("transport.motorbike.motorcycle", _VEHICLE),
        TravelMode.TAXI: ("transport.car.passenger_car", _VEHICLE),
        TravelMode.BUS: ("transport.bus.average", _PASSENGER),
        TravelMode.TRAM: ("transport.rail.transit", _PASSENGER),
        TravelMode.METRO: ("transport.rail.transit", _PASSENGER),
        TravelMode.TRAIN: ("transport.rail.intercity_average", _PASSENGER),
    },
}
_CHOICES = {
    "GB": (
        ("transport.car.petrol.average", _VEHICLE),
        ("transport.car.diesel.average", _VEHICLE),
        ("transport.car.bev.average", _VEHICLE),
        ("transport.bus.local_average", _PASSENGER),
        ("transport.bus.coach", _PASSENGER),
        ("transport.rail.national", _PASSENGER),
        ("transport.rail.light_rail_tram", _PASSENGER),
    ),
    "US": (
        ("transport.car.passenger_car", _VEHICLE),
        ("transport.car.light_duty_truck", _VEHICLE),
        ("transport.bus.average", _PASSENGER),
        ("transport.rail.intercity_average", _PASSENGER),
        ("transport.rail.commuter", _PASSENGER),
        ("transport.rail.transit", _PASSENGER),
    ),
}
"""What a journey with an engine may have been: petrol, diesel or battery car, bus, train."""
_NON_CO2 = "A direct figure of a flight leaves out its warming other than by CO2, such as contrails."


@dataclass(frozen=True, slots=True)
class TravelFactor:
    """`region` is where the factor is looked up, None for the person's own."""

    activity: str
    unit: str
    region: str | None = None
    caveats: tuple[str, ...] = ()


def factor_of(mode: TravelMode, metres: int, region: str) -> TravelFactor:
    """The factor of a mode that has one: neither on foot nor by bicycle, and not one that is to be asked."""
    if mode is TravelMode.PLANE:
        return _flight(metres, region.partition("-")[0])
    country = region.partition("-")[0]
    home = country if mode in _MODES.get(country, {}) else _HOME
    activity, unit = _MODES[home][mode]
    return _found(activity, unit, home, country)


def choices_of(metres: int, region: str) -> tuple[TravelFactor, ...]:
    """What a journey that was neither on foot nor by bicycle may have been, the likeliest first."""
    country = region.partition("-")[0]
    home = country if country in _CHOICES else _HOME
    choices = [_found(activity, unit, home, country) for activity, unit in _CHOICES[home]]
    if metres >= FLIGHT_LIKELY_METRES:
        choices.append(_flight(metres, home))
    return tuple(choices)


def _found(activity: str, unit: str, home: str, country: str) -> TravelFactor:
    if home == country:
        return TravelFactor(activity, unit)
    return TravelFactor(activity, unit, home, (f"No factor of travel for {country}: the one of {home} was taken.",))


def _flight(metres: int, country: str) -> TravelFactor:
    if country == "US":
        haul = (
            "long_haul_over_2300mi"
            if metres >= US_LONG_METRES
            else "medium_haul_300_to_2300mi"
            if metres >= US_SHORT_METRES
            else "short_haul_under_300mi"
        )
        return TravelFactor(f"transport.flight.{haul}", _PASSENGER, None, (_NON_CO2,))
    if country == "GB":
        haul = "long_haul" if metres > LONG_HAUL_METRES else "short_haul"
        return TravelFactor(f"transport.flight.{haul}.average.without_rf", _PASSENGER, None, (_NON_CO2,))
    activity = "transport.flight.international_non_uk.average.without_rf"
    return TravelFactor(activity, _PASSENGER, GLOBAL, (_NON_CO2,))
