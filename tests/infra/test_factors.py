"""The shipped tables in the database: loaded once, corrected in the open, chosen by region."""

import csv
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.errors import NotFound
from domain.footprint.factor_choice import MAINS, FactorChoice
from domain.footprint.units import convert, is_unit
from infra.factors.loader import FOLDER, load_factors
from infra.postgres.connection import Database
from infra.postgres.factors import PostgresFactors
from tests.conftest import TestDatabase


@pytest.fixture
async def opened(database: TestDatabase) -> AsyncIterator[Database]:
    connected = await Database.open(database.app_url)
    yield connected
    await connected.close()


@pytest.fixture
async def factors(opened: Database) -> PostgresFactors:
    return PostgresFactors(opened)


async def state(database: Database) -> list[tuple[object, ...]]:
    rows = await database.pool.fetch("SELECT * FROM emission_factor ORDER BY id")
    return [tuple(row) for row in rows]


async def test_loading_again_changes_nothing(opened: Database) -> None:
    heard: list[tuple[str, int, int]] = []
    assert await load_factors(opened, ademe_impact_co2=False, progress=lambda *told: heard.append(told)) == 3_825
    assert len(heard) == 14
    assert heard[-1] == ("us_epa_hub_2025.csv", 3_825, 3_825)
    before = await state(opened)
    assert await load_factors(opened, ademe_impact_co2=False) == 3_825
    assert await state(opened) == before


async def test_the_restricted_table_comes_and_goes_with_the_setting(opened: Database) -> None:
    held = "SELECT count(*) FROM emission_factor WHERE withdrawn_at IS NULL"
    assert await load_factors(opened, ademe_impact_co2=True) == 4_106
    assert await opened.pool.fetchval(held) == 4_106
    await load_factors(opened, ademe_impact_co2=False)
    assert await opened.pool.fetchval(held) == 3_825
    assert await PostgresFactors(opened).candidates("food.ademe.beurre", ["FR"]) == []


async def test_a_corrected_row_is_a_new_version(opened: Database, tmp_path: Path) -> None:
    source = FOLDER / "cn_fuels.csv"
    file = tmp_path / source.name
    file.write_bytes(source.read_bytes())
    await load_factors(opened, ademe_impact_co2=False, folder=tmp_path)
    before = await state(opened)
    file.write_bytes(source.read_bytes().replace(b",1.9003,1.9003,", b",1.8,1.8,"))
    assert await load_factors(opened, ademe_impact_co2=False, folder=tmp_path) == 8
    rows = await opened.pool.fetch(
        "SELECT kg_per_unit, version, withdrawn_at IS NULL AS holds FROM emission_factor "
        "WHERE factor_id = 'energy.raw_coal.kg' ORDER BY version"
    )
    assert [tuple(row) for row in rows] == [(Decimal("1.9003"), 1, False), (Decimal("1.8"), 2, True)]
    [current] = await PostgresFactors(opened).candidates("energy.raw_coal.kg", ["CN"])
    assert current.kg_per_unit == Decimal("1.8")
    assert len(await state(opened)) == len(before) + 1


async def test_every_row_comes_in_as_it_is_written(factors: PostgresFactors) -> None:
    found = await factors.search(None, None, None, None, None, 10_000)
    files = [file for file in FOLDER.glob("*.csv") if file.name != "fr_ademe_impactco2.csv"]
    written = {
        (row["factor_id"], row["region"], row["valid_from"], row["kg_co2e_per_unit"])
        for file in files
        for row in csv.DictReader(file.read_text().splitlines())
    }
    assert {
        (row.factor_id, row.region, row.valid_from.isoformat(), format(row.kg_per_unit, "f")) for row in found
    } == written
    assert {row.unit for row in found if not is_unit(row.unit)} == set()


async def test_search(factors: PostgresFactors) -> None:
    on = date(2025, 6, 1)
    [grid] = await factors.search(MAINS, None, "GB", on, None, 10)
    assert (grid.kg_per_unit, grid.edition, grid.category) == (Decimal("0.177"), "2025", "electricity")
    first = await factors.search(None, "electricity", None, None, None, 5)
    second = await factors.search(None, "electricity", None, None, first[-1].id, 5)
    assert len({row.id for row in (*first, *second)}) == 10


@pytest.mark.parametrize(
    ("region", "on", "kg", "chosen_region", "caveats"),
    [
        ("GB", date(2026, 3, 1), "0.13096", "GB", 0),
        ("CN-GD", date(2022, 3, 1), "0.4403", "CN-GD", 0),
        ("CN-XZ", date(2022, 3, 1), "0.5366", "CN", 0),
        ("US-CA", date(2024, 3, 1), "0.17906420631253", "US-CA", 0),
        ("GB", date(2013, 3, 1), "0.20705", "GB", 1),
        ("AU-NSW", date(2023, 3, 1), "0.5563", "AU", 1),
        ("AU", date(2004, 3, 1), "0.531247", "AU", 2),
        ("BM", date(2023, 3, 1), "0.4844", "GLOBAL", 1),
    ],
)
async def test_a_meter_s_mains_electricity(
    factors: PostgresFactors, region: str, on: date, kg: str, chosen_region: str, caveats: int
) -> None:
    chosen = await FactorChoice(factors).of(MAINS, region, on, metered=True)
    assert (chosen.factor.kg_per_unit, chosen.factor.region) == (Decimal(kg), chosen_region)
    assert len(chosen.caveats) == caveats
    if chosen.factor.factor_id != MAINS:
        assert "lifecycle" in chosen.caveats[0]


async def test_by_hand_nothing_is_put_in_its_place(factors: PostgresFactors) -> None:
    with pytest.raises(NotFound) as missing:
        await FactorChoice(factors).of(MAINS, "AU", date(2023, 3, 1))
    expected = "energy.electricity.grid has no factor for AU. Regions that have one: CN, CN-AH"
    assert missing.value.message.startswith(expected)
    with pytest.raises(NotFound, match=r"There is no emission factor transport\.teleport\."):
        await FactorChoice(factors).of("transport.teleport", "GB", date(2023, 3, 1))


async def test_factors_of_gas_convert_into_one_another(factors: PostgresFactors) -> None:
    for factor_id in ("energy.natural_gas.therm", "energy.natural_gas.kwh_gross"):
        [unit] = {row.unit for row in await factors.candidates(factor_id, ["GB", "US"])}
        assert convert(Decimal(1), "therm", unit) > 0
