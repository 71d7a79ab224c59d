"""The format of our own: what docs/capture.md shows is what is read."""

from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.model import Commodity, Direction
from infra.capture.reader import Unreadable
from tests.infra.capture.files import codes, judged_path

HEADER = "source,register,start,end,value,unit,direction,quality\n"
ROW = "meter-1,E1,2026-03-29T00:00:00Z,2026-03-29T00:30:00Z,0.25,kWh,import,A\n"
OBJECT = (
    '{"source": "meter-1", "register": "E1", "start": "2026-03-29T00:00:00Z", "end": "2026-03-29T00:30:00+00:00", '
    '"value": 0.25, "unit": "kWh"}\n'
)


def written(tmp_path: Path, content: str) -> Path:
    file = tmp_path / "file"
    file.write_text(content)
    return file


@pytest.mark.parametrize(
    "content",
    [HEADER + ROW, OBJECT, HEADER.upper() + ROW, (HEADER + ROW).rstrip("\n")],
)
def test_the_documented_forms(tmp_path: Path, content: str) -> None:
    verdict = judged_path(written(tmp_path, content))
    assert (verdict.accepted, verdict.rejected) == (1, 0)
    assert verdict.total(Direction.IMPORT) == Decimal("0.25")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("0.25", "0,25", "BAD_ROW"),
        ("0.25", "", "BAD_ROW"),
        ("0.25", "inf", "NOT_A_NUMBER"),
        ("0.25", "1e17", "ABSURD_VALUE"),
        ("0.25", "-1", "NEGATIVE"),
        ("kWh", "kVArh", "UNKNOWN_UNIT"),
        ("kWh", "m3", "UNIT_MISMATCH"),
        ("import", "sideways", "BAD_ROW"),
        ("2026-03-29T00:30:00Z", "2026-03-29T00:30:00", "BAD_TIME"),
        ("2026-03-29T00:30:00Z", "29/03/2026 00:30", "BAD_TIME"),
        ("2026-03-29T00:30:00Z", "2026-03-29T00:00:00.900Z", "BAD_INTERVAL"),
        ("2026-03-29T00:00:00Z", "1901-03-29T00:00:00Z", "BAD_INTERVAL"),
        ("meter-1", "m\u00e9ter", "BAD_NAME"),
    ],
)
def test_a_row_that_is_wrong_goes_alone(tmp_path: Path, old: str, new: str, code: str) -> None:
    wrong = ROW.replace(old, new, 1)
    verdict = judged_path(written(tmp_path, HEADER + wrong + ROW.replace("E1", "E2")))
    assert codes(verdict) == [code]
    assert verdict.rejections[0].line == 2
    assert verdict.total(Direction.IMPORT) == Decimal("0.25")


def test_one_register_has_one_meaning(tmp_path: Path) -> None:
    other = ROW.replace("import", "export")
    verdict = judged_path(written(tmp_path, HEADER + ROW + other))
    assert codes(verdict) == ["REGISTER_CONFLICT"]
    assert verdict.total(Direction.EXPORT) == 0


@pytest.mark.parametrize(
    ("unit", "commodity", "kept_as"),
    [("m3", "gas", "m3"), ("m3", "water", "m3"), ("L", "", "m3"), ("kWh", "gas", "kWh"), ("therm", "", "therm")],
)
def test_units_and_kinds(tmp_path: Path, unit: str, commodity: str, kept_as: str) -> None:
    header = HEADER.replace("quality", "commodity")
    verdict = judged_path(written(tmp_path, header + ROW.replace("kWh", unit).replace(",A\n", f",{commodity}\n")))
    [(register, _indices)] = verdict.kept
    assert register.unit == kept_as
    assert register.commodity is (Commodity(commodity.upper()) if commodity else register.commodity)


def test_of_two_values_the_one_told_later_holds_wherever_it_stands(tmp_path: Path) -> None:
    header = HEADER.replace("quality", "told")
    later = ROW.replace(",A\n", ",2026-04-02T00:00:00Z\n")
    earlier = ROW.replace("0.25", "0.75").replace(",A\n", ",2026-04-01T00:00:00Z\n")
    verdict = judged_path(written(tmp_path, header + later + earlier))
    assert codes(verdict) == ["REPLACED"]
    assert verdict.total(Direction.IMPORT) == Decimal("0.25")


@pytest.mark.parametrize("header", [HEADER.replace("quality", "colour"), HEADER.replace("quality", "value")])
def test_a_header_that_cannot_be_understood(tmp_path: Path, header: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        judged_path(written(tmp_path, header + ROW))
    assert refusal.value.code == "BAD_HEADER"
