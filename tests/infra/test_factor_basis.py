"""A programme counts at the source or over the life cycle, and its members' factors follow it."""

from datetime import date
from decimal import Decimal

import pytest

from domain.basis import EmissionBasis
from domain.errors import NotFound
from domain.footprint.calculation import emissions_of
from domain.footprint.factor_choice import LIFECYCLE_MAINS, MAINS, FactorChoice
from infra.postgres.factors import PostgresFactors
from tests.infra.test_factors import factors, opened

__all__ = ["factors", "opened"]

DIRECT, LIFECYCLE = EmissionBasis.DIRECT, EmissionBasis.LIFECYCLE
DAY = date(2026, 3, 1)
CAR = "transport.car.petrol.medium"


async def test_the_supply_of_the_fuel_is_added_to_what_comes_out_of_the_tailpipe(factors: PostgresFactors) -> None:
    [own] = [row for row in await factors.candidates(CAR, ["GB"]) if row.valid_from == date(2026, 1, 1)]
    [supply] = [row for row in await factors.candidates(f"wtt.{CAR}", ["GB"]) if row.valid_from == date(2026, 1, 1)]

    chosen = await FactorChoice(factors, LIFECYCLE).of(CAR, "GB", DAY)

    assert (chosen.factor, chosen.supply) == (own, supply)
    grams, explanation = emissions_of(Decimal(100), "km", chosen)
    assert grams == round((own.kg_per_unit + supply.kg_per_unit) * 100_000)
    assert explanation.formula == (f"100 km x ({own.kg_per_unit} + {supply.kg_per_unit}) kg CO2e/km x 1000 = {grams} g")
    assert explanation.factor_kg_per_unit == own.kg_per_unit + supply.kg_per_unit
    assert explanation.caveats == (f"Includes wtt.{CAR} ({supply.source}, 2026).",)


async def test_at_the_source_nothing_is_added(factors: PostgresFactors) -> None:
    chosen = await FactorChoice(factors, DIRECT).of(CAR, "GB", DAY)
    assert chosen == await FactorChoice(factors).of(CAR, "GB", DAY)


async def test_a_flight_s_fuel_is_that_of_the_flight(factors: PostgresFactors) -> None:
    chosen = await FactorChoice(factors, LIFECYCLE).of("transport.flight.long_haul.economy.with_rf", "GB", DAY)
    assert chosen.supply is not None
    assert chosen.supply.factor_id == "wtt.transport.flight.long_haul.economy"


@pytest.mark.parametrize("name", [MAINS, LIFECYCLE_MAINS])
@pytest.mark.parametrize("metered", [True, False])
async def test_mains_electricity_is_one_thing_under_either_name(
    factors: PostgresFactors, name: str, metered: bool
) -> None:
    direct = await FactorChoice(factors, DIRECT).of(name, "GB", date(2024, 3, 1), metered=metered)
    lifecycle = await FactorChoice(factors, LIFECYCLE).of(name, "GB", date(2024, 3, 1), metered=metered)
    assert (direct.factor.factor_id, direct.factor.scope) == (MAINS, "generation")
    assert (lifecycle.factor.factor_id, lifecycle.factor.scope) == (LIFECYCLE_MAINS, "lifecycle")


async def test_a_country_without_a_figure_at_the_source_says_so(factors: PostgresFactors) -> None:
    chosen = await FactorChoice(factors, DIRECT).of(MAINS, "AU", date(2023, 3, 1), metered=True)
    assert chosen.factor.factor_id == LIFECYCLE_MAINS
    assert "of scope lifecycle" in chosen.caveats[0]
    with pytest.raises(NotFound):
        await FactorChoice(factors, DIRECT).of(MAINS, "AU", date(2023, 3, 1))


async def test_where_only_the_other_kind_exists_a_caveat_says_so(factors: PostgresFactors) -> None:
    beef = await FactorChoice(factors, DIRECT).of("food.beef_beef_herd", "GB", DAY)
    assert beef.caveats == (
        "Your programme counts emissions at the source; the only factor there is is of scope lifecycle.",
    )
    bus = await FactorChoice(factors, LIFECYCLE).of("transport.bus.average", "US", DAY)
    assert bus.caveats[0] == "Your programme counts the whole life cycle; the only factor there is is of scope direct."
    assert (await FactorChoice(factors, LIFECYCLE).of("food.beef_beef_herd", "GB", DAY)).caveats == ()
    assert (await FactorChoice(factors).of("food.beef_beef_herd", "GB", DAY)).caveats == ()


@pytest.mark.parametrize("basis", list(EmissionBasis))
async def test_a_part_of_the_life_cycle_is_not_counted_alone(factors: PostgresFactors, basis: EmissionBasis) -> None:
    with pytest.raises(NotFound, match="Your programme counts"):
        await FactorChoice(factors, basis).of(f"wtt.{CAR}", "GB", DAY)
    assert (await FactorChoice(factors).of(f"wtt.{CAR}", "GB", DAY)).factor.scope == "well_to_tank"


async def test_gas_of_a_meter_has_its_supply_too(factors: PostgresFactors) -> None:
    choice = FactorChoice(factors, LIFECYCLE)
    chosen = await choice.first_of(["energy.natural_gas.kwh_gross", "energy.natural_gas.m3"], "GB", DAY)
    assert chosen.supply is not None
    assert chosen.supply.factor_id == "wtt.energy.natural_gas.kwh_gross"
