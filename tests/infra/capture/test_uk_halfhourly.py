"""Octopus and n3rgy downloads: half hours by the UK's clock, also where it changes."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.model import Commodity, Direction
from infra.capture.reader import Unreadable
from tests.infra.capture.files import accepted, codes, expected, judged, judged_path

FILES = expected("uk_halfhourly")
LONDON = ZoneInfo("Europe/London")
HALF_HOUR = 1_800


@pytest.mark.parametrize("name", [name for name, values in FILES.items() if "total_kwh" in values])
def test_half_hours(name: str) -> None:
    values = FILES[name]
    verdict = judged(f"uk_halfhourly/{name}")
    assert verdict.total(Direction.IMPORT) == values["total_kwh"]
    assert verdict.duplicate == values.get("repeated_rows", 0)
    assert verdict.read == values.get("rows", verdict.accepted)
    assert verdict.rejected == 0
    days: dict[str, list[Decimal]] = defaultdict(list)
    for register, index in accepted(verdict):
        assert register.ends[index] - register.starts[index] == HALF_HOUR
        assert (register.commodity, register.unit) == (Commodity.ELECTRICITY, "kWh")
        day = datetime.fromtimestamp(register.starts[index], LONDON).date().isoformat()
        days[day].append(register.values[index])
    assert {day: {"half_hours": len(found), "kwh": sum(found)} for day, found in days.items()} == values["local_days"]


def test_gas_stays_in_cubic_metres_where_no_calorific_value_is_stated() -> None:
    verdict = judged("uk_halfhourly/constructed_n3rgy_gas.json")
    [(register, _indices)] = verdict.kept
    assert (register.commodity, register.unit) == (Commodity.GAS, "m3")
    assert verdict.total(Direction.IMPORT) == FILES["constructed_n3rgy_gas.json"]["m3"]


def test_gas_becomes_energy_by_its_calorific_value(tmp_path: Path) -> None:
    values = FILES["constructed_n3rgy_gas.json"]
    text = (Path(__file__).parents[2] / "data" / "uk_halfhourly" / "constructed_n3rgy_gas.json").read_text()
    file = tmp_path / "gas.json"
    file.write_text(text.replace('"granularity"', '"calorificValue": 39.5, "granularity"'))
    verdict = judged_path(file)
    assert round(verdict.total(Direction.IMPORT), 3) == values["kwh_at_39.5_MJ_per_m3"]
    assert {register.unit for register, _indices in verdict.kept} == {"kWh"}


OCTOPUS = "Consumption (kWh), Start, End\n"
HOUR = "2026-01-01T00:00:00+00:00, 2026-01-01T00:30:00+00:00\n"


@pytest.mark.parametrize(
    ("content", "use", "told"),
    [
        (OCTOPUS + f"0E-20, {HOUR}", "0", {"KIND_UNKNOWN"}),
        (OCTOPUS + f"NaN, {HOUR}", "0", {"KIND_UNKNOWN", "NOT_A_NUMBER"}),
        (OCTOPUS + f"-1, {HOUR}", "0", {"KIND_UNKNOWN", "NEGATIVE"}),
        (OCTOPUS + f"1e17, {HOUR}", "0", {"KIND_UNKNOWN", "ABSURD_VALUE"}),
        (OCTOPUS + "1, 2026-01-01T00:00:00, 2026-01-01T00:30:00\n", "0", {"KIND_UNKNOWN", "NO_ZONE"}),
        (OCTOPUS + "1, 2026-02-30T00:00:00Z, 2026-03-01T00:30:00Z\n", "0", {"KIND_UNKNOWN", "BAD_TIME"}),
        (OCTOPUS + "1, 2026-01-01T00:00:00Z\n", "0", {"KIND_UNKNOWN", "BAD_ROW"}),
        (OCTOPUS + f"0.25, {HOUR}", "0.25", {"KIND_UNKNOWN"}),
        (OCTOPUS.replace("kWh", "m³") + f"0.25, {HOUR}", "0.25", set()),
        (OCTOPUS.replace("kWh", "bananas") + f"0.25, {HOUR}", "0", {"UNKNOWN_UNIT"}),
        ("timestamp (UTC),energyConsumption (kWh)\n2026-01-01 00:30,0.1\n2026-01-01 01:00,0.2", "0.1", {"NO_END"}),
        ("timestamp (UTC),energyConsumption (kWh)\n2026-01-01 00:30,0.1,7\n", "0", {"BAD_ROW"}),
    ],
)
def test_rows_that_are_odd(tmp_path: Path, content: str, use: str, told: set[str]) -> None:
    file = tmp_path / "file.csv"
    file.write_text(content, encoding="utf-8-sig")
    verdict = judged_path(file)
    assert verdict.total(Direction.IMPORT) == Decimal(use)
    assert set(codes(verdict)) == told


N3RGY = '{"resource": "/mpxn/electricity/consumption/1", "granularity": "halfhour", "unit": "kWh", "values": [%s]}'


@pytest.mark.parametrize(
    ("content", "use", "told"),
    [
        (N3RGY % '{"timestamp": "2026-01-01 00:30", "value": 0.5}', "0.5", set()),
        (N3RGY % '{"timestamp": "2026-01-01 00:30", "value": NaN}', "0", {"NOT_A_NUMBER"}),
        (N3RGY % '{"timestamp": "2026-01-01 00:30", "value": 1e400}', "0", {"NOT_A_NUMBER"}),
        (N3RGY % '{"timestamp": "2026-01-01 00:30", "value": true}', "0", {"NOT_A_NUMBER"}),
        (N3RGY % '{"timestamp": "2026-01-01 00:30"}, 5', "0", {"NOT_A_NUMBER", "BAD_ROW"}),
        (N3RGY % '{"timestamp": 20260101, "value": 1}', "0", {"BAD_TIME"}),
        ((N3RGY % "").replace("/electricity/", "/heat/"), "0", {"NOT_ENERGY"}),
        ((N3RGY % "").replace("halfhour", "week"), "0", {"BAD_INTERVAL"}),
        ((N3RGY % "").replace("kWh", "m3"), "0", {"UNIT_MISMATCH"}),
    ],
)
def test_json_that_is_odd(tmp_path: Path, content: str, use: str, told: set[str]) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    verdict = judged_path(file)
    assert verdict.total(Direction.IMPORT) == Decimal(use)
    assert set(codes(verdict)) == told


def test_production_is_export(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text(
        (N3RGY % '{"timestamp": "2026-01-01 00:30", "value": 0.5}').replace("/consumption/", "/production/")
    )
    verdict = judged_path(file)
    assert (verdict.total(Direction.IMPORT), verdict.total(Direction.EXPORT)) == (0, Decimal("0.5"))


@pytest.mark.parametrize("content", [N3RGY[:-1], N3RGY % "[" * 5_000, (N3RGY % "")[:-20]])
def test_json_that_does_not_end(tmp_path: Path, content: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    with pytest.raises(Unreadable) as refusal:
        judged_path(file)
    assert refusal.value.code == "DAMAGED_JSON"
