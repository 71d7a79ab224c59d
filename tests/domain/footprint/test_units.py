"""Conversions are exact where definitions are, and cross no dimension."""

from decimal import Decimal

import pytest

from domain.footprint.units import IncompatibleUnits, convert, is_unit, plain


@pytest.mark.parametrize(
    ("quantity", "unit", "target", "expected"),
    [
        ("1", "mile", "km", "1.609344"),
        ("1", "miles", "km", "1.609344"),
        ("1", "passenger_mile", "passenger_km", "1.609344"),
        ("250", "Wh", "kWh", "0.25"),
        ("1", "therm", "mmBtu", "0.1"),
        ("3.6", "MJ", "kWh", "1"),
        ("1", "short_ton", "kg", "907.18474"),
        ("1", "gal_us", "L", "3.785411784"),
        ("1", "scf", "m3", "0.028316846592"),
        ("2", "day", "h", "48"),
        ("1500", "MB", "GB", "1.5"),
        ("0.1", "kg", "kg", "0.1"),
    ],
)
def test_converts_exactly(quantity: str, unit: str, target: str, expected: str) -> None:
    assert convert(Decimal(quantity), unit, target) == Decimal(expected)


@pytest.mark.parametrize(
    ("unit", "target"),
    [
        ("km", "passenger_km"),
        ("passenger_mile", "mile"),
        ("kg", "L"),
        ("h", "kWh"),
        ("meal", "item"),
        ("night", "day"),
        ("GB", "GB_year"),
        ("m3", "m2_year"),
        ("USD_2022", "item"),
    ],
)
def test_a_unit_of_another_dimension_is_an_error(unit: str, target: str) -> None:
    with pytest.raises(IncompatibleUnits):
        convert(Decimal(1), unit, target)


@pytest.mark.parametrize("name", ["", "kg**9", "km*km", "9", "kilokm", "[length]", "passenger", "kg\x00", "__import__"])
def test_a_text_is_looked_up_and_never_evaluated(name: str) -> None:
    assert not is_unit(name)
    with pytest.raises(IncompatibleUnits):
        convert(Decimal(1), name, "kg")


@pytest.mark.parametrize(("number", "text"), [("1E+3", "1000"), ("0.500", "0.5"), ("100", "100"), ("0E-9", "0")])
def test_plain(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text
