"""Units of activities: which exist, and how much of one is one of another. The only module that imports pint.

A unit converts into units of its own dimension and into no other: a kilometre driven (`km`) is not a passenger's
kilometre (`passenger_km`), a kg of fuel is not a litre, and things that are counted (nights, meals, trips) convert into
nothing. The names are a closed list; what a caller sends is looked up in it and never parsed as an expression.
Definitions: mass and length by the international yard and pound (1959), volume by 1 ft3 = 0.028316846592 m3, the
British thermal unit of the International Table (1055.05585262 J), 1 therm = 0.1 mmBtu as in the US EPA hub.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context, Decimal
from functools import cache
from typing import Any


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Within the block these cannot be imported."""
    known = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(dict.fromkeys(modules))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in known.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


# Pint takes numpy and scipy along where they are installed: half a second and 14 MB for every process, for nothing.
with _hidden("numpy", "scipy"):
    from pint import DimensionalityError, UnitRegistry

_DEFINITIONS = (
    "g = [mass]",
    "kg = 1000 * g",
    "tonne = 1000 * kg",
    "lb = 0.45359237 * kg",
    "short_ton = 907.18474 * kg",
    "m = [length]",
    "km = 1000 * m",
    "mile = 1.609344 * km",
    "passenger = [passenger]",
    "passenger_km = passenger * km",
    "passenger_mile = passenger * mile",
    "m3 = [volume]",
    "L = 0.001 * m3",
    "mL = 0.001 * L",
    "gal_us = 3.785411784 * L",
    "gal_uk = 4.54609 * L",
    "scf = 0.028316846592 * m3",
    "Wh = [energy]",
    "kWh = 1000 * Wh",
    "MWh = 1000 * kWh",
    "MJ = 1000000 / 3600 * Wh",
    "mmBtu = 1055.05585262 * MJ",
    "therm = 105.505585262 * MJ",
    "s = [time]",
    "min = 60 * s",
    "h = 60 * min",
    "day = 24 * h",
    "MB = [data]",
    "GB = 1000 * MB",
    "GB_year = [data_stored]",
    "m2_year = [area_used]",
    "USD_2022 = [money_2022]",
    "night = [night]",
    "meal = [meal]",
    "item = [item]",
    "trip = [trip]",
    "action = [action]",
)
_NAMES = frozenset(line.partition(" = ")[0] for line in _DEFINITIONS) - {"passenger"}
_ALIASES = {
    "kilometre": "km",
    "kilometer": "km",
    "metre": "m",
    "meter": "m",
    "mi": "mile",
    "miles": "mile",
    "l": "L",
    "litre": "L",
    "liter": "L",
    "t": "tonne",
    "hour": "h",
    "days": "day",
    "ft3": "scf",
}
_OF_A_PERSON = {"km": "passenger_km", "passenger_km": "km", "mile": "passenger_mile", "passenger_mile": "mile"}
"""A kilometre that one person goes is a passenger's in a bus, and a vehicle's in a car of their own."""
_PRECISION = Context(prec=28)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


class IncompatibleUnits(ValueError):
    """The two units measure different things, or one of them is not known."""


def _registry() -> "UnitRegistry[Any]":
    registry: UnitRegistry[Any] = UnitRegistry(None, non_int_type=Decimal)
    for line in _DEFINITIONS:
        registry.define(line)
    return registry


_REGISTRY = _registry()


def is_unit(name: str) -> bool:
    return name in _NAMES or name in _ALIASES


@cache
def _ratio(unit: str, target: str) -> Decimal:
    try:
        magnitude = _REGISTRY.Quantity(Decimal(1), unit).to(target).magnitude
    except DimensionalityError as error:
        raise IncompatibleUnits(f"{unit} cannot be converted to {target}.") from error
    return Decimal(magnitude)


def convert(quantity: Decimal, unit: str, target: str) -> Decimal:
    """`quantity` of `unit` in `target`, to 28 significant digits; raises IncompatibleUnits."""
    if not (is_unit(unit) and is_unit(target)):
        raise IncompatibleUnits(f"{unit if not is_unit(unit) else target} is not a known unit.")
    source, wanted = _ALIASES.get(unit, unit), _ALIASES.get(target, target)
    return quantity if source == wanted else _PRECISION.multiply(quantity, _ratio(source, wanted))


def fitting_unit(unit: str, target: str) -> str:
    """The unit itself, or that of the same way for a passenger or vehicle where only this one converts."""
    try:
        convert(Decimal(1), unit, target)
    except IncompatibleUnits:
        return _OF_A_PERSON.get(unit, unit)
    return unit


def decimal_of(text: str) -> Decimal | None:
    """The exact number, or None where the text is not a finite decimal of plain ASCII digits."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def has_places(number: Decimal, most: int) -> bool:
    """True for a finite number with at most so many decimal places; zeros at its end are none."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -most:
        exponent = number.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -most


def plain(number: Decimal) -> str:
    """The number without exponent and without zeros at its end: 1E+3 is 1000, 0.500 is 0.5."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"
