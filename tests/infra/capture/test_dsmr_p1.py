"""P1 telegrams: registers as dsmr-parser reads them too, differences, clocks, and what must not be believed."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dsmr_parser import telegram_specifications as specifications
from dsmr_parser.parsers import TelegramParser

from domain.footprint.checks import judge
from domain.footprint.model import Commodity, Direction
from domain.footprint.records import CounterReading
from infra.capture.formats.dsmr_p1 import READER, checksum
from tests.infra.capture.files import DATA, NOW, accepted, codes, expected, judged, judged_path

FILES = expected("dsmr_p1")
SINGLE = [name for name, values in FILES.items() if "spec" in values]
V5 = (DATA / "dsmr_p1" / "dsmr_v5_iskra.p1.txt").read_bytes()
ROLLOVER = (DATA / "dsmr_p1" / "constructed_rollover.p1.txt").read_bytes()


def counters(name: str) -> list[CounterReading]:
    return [item for item in READER.read(DATA / "dsmr_p1" / name) if isinstance(item, CounterReading)]


def total(readings: list[CounterReading], direction: Direction) -> Decimal:
    own = [item for item in readings if item.commodity is Commodity.ELECTRICITY and item.direction is direction]
    return sum((item.value for item in own), Decimal(0))


def telegram(**changed: str) -> bytes:
    """The V5 sample with some of its text changed and its checksum right."""
    text = V5.decode()
    for old, new in changed.items():
        text = text.replace(SAMPLE[old], new)
    body = text[: text.index("!") + 1]
    return f"{body}{checksum(body.encode()):04X}\r\n".encode()


SAMPLE = {
    "gas": "170102161005W)(00000.107*m3",
    "clock": "170102192002W",
    "tariff_1": "000004.426*kWh",
    "meter": "4B384547303034303436333935353037",
}


@pytest.mark.parametrize("name", SINGLE)
def test_registers(name: str) -> None:
    values = FILES[name]
    readings = counters(name)
    assert total(readings, Direction.IMPORT) == values["import_kwh"]
    assert total(readings, Direction.EXPORT) == values["export_kwh"]
    times = {item.at for item in readings if item.commodity is Commodity.ELECTRICITY}
    stamp = values["timestamp_utc"]
    assert times == {datetime.fromisoformat(stamp) if stamp else None}
    channels = [item for item in readings if item.commodity is not Commodity.ELECTRICITY]
    shown = [entry for entry in values["mbus"] if entry["unit"]]
    assert [(item.commodity, item.value, item.unit) for item in channels] == [
        ({3: Commodity.GAS, 7: Commodity.WATER}[entry["type"]], Decimal(entry["reading"]), entry["unit"])
        for entry in shown
    ]
    for item, entry in zip(channels, shown, strict=True):
        text = entry["at"].partition(" (")[0]
        local = ZoneInfo("Europe/Amsterdam")
        if "no DST flag" in text:
            assert item.at == datetime.fromisoformat(text.partition(" ")[0]).replace(tzinfo=local)
        else:
            assert item.at == datetime.fromisoformat(text)


@pytest.mark.parametrize("name", SINGLE)
def test_the_same_as_dsmr_parser(name: str) -> None:
    values = FILES[name]
    specification: dict[str, Any] = getattr(specifications, values["spec"].partition(" ")[0])
    text = (DATA / "dsmr_p1" / name).read_bytes().decode("latin-1")
    theirs = TelegramParser(specification, apply_checksum_validation=values["crc_checked"]).parse(text)
    ours = {item.register: item.value for item in counters(name) if item.commodity is Commodity.ELECTRICITY}
    for kind, word in (("1.8", "USED"), ("2.8", "DELIVERED")):
        for tariff in (1, 2):
            found = getattr(theirs, f"ELECTRICITY_{word}_TARIFF_{tariff}", None)
            if found is not None and f"{kind}.{tariff}" in ours:
                assert ours[f"{kind}.{tariff}"] == found.value


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_telegram_is_no_interval(name: str) -> None:
    verdict = judged(f"dsmr_p1/{name}")
    assert (verdict.total(Direction.IMPORT), verdict.total(Direction.EXPORT)) == (0, 0)
    assert verdict.rejected == 0
    assert codes(verdict).count("NO_INTERVAL") == 1
    assert verdict.read == verdict.accepted > 0


def test_a_day_of_25_hours() -> None:
    values = FILES["constructed_dst_day_25h.p1.txt"]
    verdict = judged("dsmr_p1/constructed_dst_day_25h.p1.txt")
    assert verdict.total(Direction.IMPORT) == values["import_kwh"]
    assert verdict.total(Direction.EXPORT) == values["export_kwh"]
    starts = sorted({register.starts[index] for register, index in accepted(verdict) if register.unit == "kWh"})
    assert len(starts) == values["hours"]
    assert datetime.fromtimestamp(starts[0], UTC) == datetime.fromisoformat(values["from"])
    assert {register.starts[index] for register, index in accepted(verdict)} == {
        starts[0] + 3_600 * hour for hour in range(25)
    }


def test_a_register_that_rolls_over() -> None:
    verdict = judged("dsmr_p1/constructed_rollover.p1.txt")
    assert verdict.total(Direction.IMPORT) == FILES["constructed_rollover.p1.txt"]["correct_delta_kwh"]


def written(tmp_path: Path, *parts: bytes) -> Path:
    file = tmp_path / "telegrams"
    file.write_bytes(b"".join(parts))
    return file


def test_line_ends_are_restored_before_the_checksum(tmp_path: Path) -> None:
    verdict = judged_path(written(tmp_path, ROLLOVER.replace(b"\r\n", b"\n")))
    assert verdict.total(Direction.IMPORT) == Decimal("1.5")


def test_a_fall_that_is_no_roll_over_is_another_meter(tmp_path: Path) -> None:
    later = telegram(clock="170102202002W", tariff_1="000001.000*kWh")
    last = telegram(clock="170102212002W", tariff_1="000001.750*kWh")
    verdict = judged_path(written(tmp_path, telegram(), later, last))
    assert verdict.total(Direction.IMPORT) == Decimal("0.75")
    assert codes(verdict).count("COUNTER_FELL") == 1


def test_an_exchanged_meter_has_a_register_of_its_own(tmp_path: Path) -> None:
    other = "4B384547303034303436333935353038"
    verdict = judged_path(
        written(
            tmp_path,
            telegram(),
            telegram(clock="170102202002W", tariff_1="000005.000*kWh"),
            telegram(clock="170102212002W", tariff_1="000000.000*kWh", meter=other),
            telegram(clock="170102222002W", tariff_1="000000.500*kWh", meter=other),
        )
    )
    assert verdict.total(Direction.IMPORT) == Decimal("1.074")
    assert "COUNTER_FELL" not in codes(verdict)


def test_order_and_repeats_do_not_matter(tmp_path: Path) -> None:
    first, second = telegram(), telegram(clock="170102202002W", tariff_1="000005.000*kWh")
    verdict = judged_path(written(tmp_path, second, first, second))
    assert verdict.total(Direction.IMPORT) == Decimal("0.574")
    assert verdict.read == verdict.accepted + verdict.duplicate
    assert verdict.rejected == 0


def test_watt_hours_are_not_kilowatt_hours(tmp_path: Path) -> None:
    first = telegram(tariff_1="000004.426*Wh")
    second = telegram(clock="170102202002W", tariff_1="001004.426*Wh")
    assert judged_path(written(tmp_path, first, second)).total(Direction.IMPORT) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"clock": "170132192002W"}, "BAD_TIME"),
        ({"clock": "170102192002X"}, "BAD_TIME"),
        ({"tariff_1": "00000x.426*kWh"}, "NOT_A_NUMBER"),
        ({"tariff_1": "000004.426"}, "NOT_A_NUMBER"),
        ({"tariff_1": "000004.426*kvarh"}, "NOT_A_NUMBER"),
        ({"clock": "891231235959W"}, "BAD_TIME"),
    ],
)
def test_what_is_impossible_is_refused(tmp_path: Path, changed: dict[str, str], code: str) -> None:
    verdict = judged_path(written(tmp_path, telegram(**changed)))
    assert {item.code for item in verdict.rejections} == {code}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (V5.replace(b"000004.426", b"000004.427"), "BAD_CHECKSUM"),
        (V5[: V5.index(b"!") + 1] + b"\r\n", "CUT_TELEGRAM"),
        (V5[: V5.index(b"!")], "CUT_TELEGRAM"),
        (V5[: V5.index(b"!") + 3], "CUT_TELEGRAM"),
        (V5[: len(V5) // 2], "CUT_TELEGRAM"),
    ],
)
def test_a_damaged_telegram_goes_alone(tmp_path: Path, content: bytes, code: str) -> None:
    verdict = judged_path(written(tmp_path, content, b"\r\n" + ROLLOVER))
    assert [item.code for item in verdict.rejections] == [code]
    assert verdict.total(Direction.IMPORT) == Decimal("1.5")


def test_of_telegrams_without_a_time_the_last_is_of_the_arrival(tmp_path: Path) -> None:
    old = (DATA / "dsmr_p1" / "dsmr_v2_2.p1.txt").read_bytes()
    verdict = judge(READER.read(written(tmp_path, old, old)), NOW)
    assert [item.code for item in verdict.rejections] == ["NO_TIME"]
    electricity = [counter for counter, _indices in verdict.counters if counter.unit == "kWh"]
    assert {moment for counter in electricity for moment in counter.moments} == {int(NOW.timestamp())}
