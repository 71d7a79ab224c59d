"""Which factor is chosen, and the figures that are to stay right for ever (design, section 6)."""

from datetime import date
from decimal import Decimal

import pytest

from domain.errors import InvalidInput
from domain.footprint.calculation import ChosenFactor, choose, emissions_of, region_chain
from domain.footprint.model import EmissionFactor

DAY = date(2026, 5, 1)


def factor(
    kg: str = "1", unit: str = "km", *, scope: str = "direct", region: str = "GLOBAL", **dates: date
) -> EmissionFactor:
    return EmissionFactor(
        id=1,
        factor_id="test.factor",
        label="Test",
        category="transport",
        unit=unit,
        kg_per_unit=Decimal(kg),
        region=region,
        valid_from=dates.get("valid_from", date(2026, 1, 1)),
        valid_to=dates.get("valid_to"),
        source="Nobody",
        edition="1",
        scope=scope,
    )


def grams(quantity: str, unit: str, kg: str, factor_unit: str | None = None, shared_by: int = 1) -> int:
    emissions, _explanation = emissions_of(
        Decimal(quantity), unit, ChosenFactor(factor(kg, factor_unit or unit)), shared_by
    )
    return emissions


def test_the_worked_figures() -> None:
    commute = 30 * grams("50", "km", "0.12")
    assert commute + grams("300", "kWh", "0.52") + grams("1000", "kWh", "0.26") == 596_000
    assert grams("200", "km", "0.12") + grams("20", "kWh", "0.05") + grams("50", "item", "0.001") == 25_050
    parts = [("100", "0.12"), ("50", "0.05"), ("10", "0.001"), ("20", "0.0005")]
    assert sum(grams(quantity, "km", kg) for quantity, kg in parts) == 14_520
    assert 30 * grams("365", "km", "0.6") == 6_570_000


@pytest.mark.parametrize(
    ("quantity", "kg", "expected"),
    [("0.5", "0.001", 0), ("1.5", "0.001", 2), ("2.5", "0.001", 2), ("2.5000001", "0.001", 3), ("0.1", "0.03", 3)],
)
def test_rounds_once_half_to_even(quantity: str, kg: str, expected: int) -> None:
    assert grams(quantity, "km", kg) == expected


def test_many_digits_are_not_rounded_on_the_way() -> None:
    assert grams("0.4999999999999999999999999999", "km", "0.001") == 0
    assert grams("0.5000000000000000000000000001", "km", "0.001") == 1


def test_shared_emissions_are_divided_before_rounding() -> None:
    assert grams("10", "km", "0.1", shared_by=3) == 333
    assert grams("0.005", "km", "1", shared_by=2) == 2


def test_the_explanation_can_be_recomputed() -> None:
    emissions, explanation = emissions_of(
        Decimal("10.0"), "mile", ChosenFactor(factor("0.20", "km"), ("mind this",)), 2
    )
    assert emissions == 1609
    assert explanation.converted_quantity == Decimal("16.09344")
    assert explanation.factor_kg_per_unit == Decimal("0.20")
    assert explanation.formula == "10 mile = 16.09344 km; 16.09344 km x 0.2 kg CO2e/km x 1000 / 2 = 1609 g"
    assert explanation.caveats == ("mind this",)
    assert round(explanation.converted_quantity * explanation.factor_kg_per_unit * 1000 / 2) == emissions


@pytest.mark.parametrize(
    ("unit", "chosen", "quantity", "field"),
    [
        ("kg", factor(unit="km"), "1", "unit"),
        ("km", factor(unit="passenger_km"), "1", "unit"),
        ("km", factor(scope="avoided"), "1", "activity"),
        ("km", factor(scope="biogenic_memo"), "1", "activity"),
        ("km", factor(scope="gwp"), "1", "activity"),
        ("km", factor("1000"), "1000000", "quantity"),
    ],
)
def test_refuses(unit: str, chosen: EmissionFactor, quantity: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        emissions_of(Decimal(quantity), unit, ChosenFactor(chosen))
    assert refusal.value.field == field


def test_the_chain_of_regions() -> None:
    assert region_chain("CN-GD") == ("CN-GD", "CN", "GLOBAL")
    assert region_chain("GB") == ("GB", "GLOBAL")
    assert region_chain("GLOBAL") == ("GLOBAL",)


def test_the_most_exact_region_wins_over_the_better_edition() -> None:
    old = factor(region="CN-GD", valid_from=date(2021, 1, 1), valid_to=date(2021, 12, 31))
    current = factor(region="CN", valid_from=date(2026, 1, 1))
    chosen = choose([current, old], region_chain("CN-GD"), DAY)
    assert chosen is not None
    assert chosen.factor is old
    assert chosen.caveats == (
        "No edition covers 2026-05-01: the nearest one was taken, valid from 2021-01-01 to 2021-12-31.",
    )


def test_no_region_of_the_chain_has_a_row() -> None:
    assert choose([factor(region="US")], region_chain("GB"), DAY) is None


@pytest.mark.parametrize(
    ("on", "year", "is_covered"),
    [
        (date(2020, 6, 1), 2024, False),
        (date(2024, 12, 31), 2024, True),
        (date(2025, 2, 1), 2024, False),
        (date(2026, 1, 1), 2026, True),
        (date(2040, 1, 1), 2026, True),
    ],
)
def test_the_edition_of_the_day_or_the_nearest(on: date, year: int, is_covered: bool) -> None:
    rows = [
        factor(valid_from=date(2024, 1, 1), valid_to=date(2024, 12, 31)),
        factor(valid_from=date(2026, 1, 1)),
    ]
    chosen = choose(rows, ("GLOBAL",), on)
    assert chosen is not None
    assert chosen.factor.valid_from.year == year
    assert (chosen.caveats == ()) is is_covered
