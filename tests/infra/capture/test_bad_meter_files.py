"""Bad meter files: cut, mutated, in other encodings, absurd, hostile. None stops the reading of others, none hangs, and
none gives a total that its sound part does not have.

A reader may raise what it likes: the worker process answers it with words, which the second half of this file shows.
"""

import random
import time
from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.meter_checks import METER_MAX_KW
from domain.footprint.model import Direction
from domain.footprint.verdict import Verdict
from infra.capture.reader import RECORDS_MAX
from tests.infra.capture.damage import bent, cut_in_part
from tests.infra.capture.files import DATA, accepted, judged_path, zipped
from tests.infra.capture.test_generic import HEADER, OBJECT, ROW
from tests.infra.capture.working import work_on

READING_MAX_SECONDS = 20
GENERIC = (
    HEADER + "".join(ROW.replace("2026-03-29", f"2026-03-{day}").replace("0.25", f"0.{day}") for day in range(10, 30))
).encode()
JSON_LINES = "".join(
    OBJECT.replace("2026-03-29", f"2026-03-{day}").replace("0.25", f"0.{day}") for day in range(10, 30)
).encode()
GOOD = {
    "green_button": (DATA / "malformed" / "gb_plain_day.xml").read_bytes(),
    "green_button_net": (DATA / "malformed" / "gb_net_negative.xml").read_bytes(),
    "nem12": (DATA / "nem12" / "Example_NEM12_multiple_meters.csv").read_bytes(),
    "nem13": (DATA / "nem12" / "Example_NEM13_forward_estimate.csv").read_bytes(),
    "dsmr": (DATA / "dsmr_p1" / "constructed_dst_day_25h.p1.txt").read_bytes(),
    "octopus": (DATA / "uk_halfhourly" / "octopus_autumn_dst_2013.csv").read_bytes(),
    "n3rgy_csv": (DATA / "uk_halfhourly" / "constructed_n3rgy_electricity.csv").read_bytes(),
    "n3rgy_json": (DATA / "uk_halfhourly" / "constructed_n3rgy_gas.json").read_bytes(),
    "generic": GENERIC,
    "json_lines": JSON_LINES,
}


def read(path: Path, content: bytes) -> Verdict | None:
    """The verdict, or None where the reader gave up, which the worker answers in words. Sound in either case."""
    path.write_bytes(content)
    started = time.process_time()
    try:
        verdict = judged_path(path)
    except Exception:
        return None
    finally:
        assert time.process_time() - started < READING_MAX_SECONDS
    check_sound(verdict)
    return verdict


def check_sound(verdict: Verdict) -> None:
    assert verdict.read == verdict.accepted + verdict.duplicate + verdict.rejected
    spans: dict[tuple[str, str], int] = {}
    for register, index in accepted(verdict):
        start, end, value = register.starts[index], register.ends[index], register.values[index]
        assert value.is_finite()
        assert value >= 0 or register.direction is Direction.NET
        assert end > start
        if register.unit == "kWh":
            assert abs(value) * 3600 <= METER_MAX_KW * (end - start)
        name = (register.meter, register.register)
        assert spans.get(name, 0) <= start + 3_600
        spans[name] = end


def intervals(verdict: Verdict) -> dict[tuple[str, str, int, int], Decimal]:
    return {
        (register.meter, register.register, register.starts[index], register.ends[index]): register.values[index]
        for register, index in accepted(verdict)
    }


@pytest.mark.parametrize("name", GOOD)
def test_the_good_files_are_good(tmp_path: Path, name: str) -> None:
    verdict = read(tmp_path / "file", GOOD[name])
    assert verdict is not None
    assert verdict.accepted > 1
    assert verdict.total(Direction.IMPORT) > 0


# ---------------------------------------------------------------- cut, mutated, recoded

INSERTS = (b"NaN", b"1e400", b"-", b"\x00", b"\r", b'"', b"<", b"&a;", b"9" * 30)


@pytest.mark.parametrize("part", range(1, 13))
@pytest.mark.parametrize("name", GOOD)
def test_a_file_that_was_cut_says_nothing_that_the_whole_does_not(tmp_path: Path, name: str, part: int) -> None:
    """Cut at a place of its own in each twelfth."""
    content = GOOD[name]
    whole, cut = read(tmp_path / "whole", content), read(tmp_path / "cut", cut_in_part(content, name, part, 12))
    assert whole is not None
    if cut is not None:
        assert intervals(cut).items() <= intervals(whole).items()


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("name", GOOD)
def test_bytes_that_changed(tmp_path: Path, name: str, number: int, seed: int) -> None:
    dice = random.Random(seed)
    for _mutant in range(6):
        content = bent(GOOD[name], dice, dice.choice((1, 1, 3, 30)), INSERTS)
        verdict = read(tmp_path / "file", content)
        if verdict is not None and name == "dsmr":
            assert verdict.total(Direction.IMPORT) <= Decimal("3.190")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"])
@pytest.mark.parametrize("name", GOOD)
def test_another_encoding_is_read_right_or_not_at_all(tmp_path: Path, name: str, encoding: str) -> None:
    whole = read(tmp_path / "whole", GOOD[name])
    assert whole is not None
    recoded = read(tmp_path / "file", GOOD[name].decode().encode(encoding))
    if recoded is not None and recoded.accepted:
        assert intervals(recoded) == intervals(whole)


# ---------------------------------------------------------------- absurd numbers and times


ABSURD = [
    "NaN",
    "-NaN",
    "Infinity",
    "1e17",
    "100000000000000000",
    "1e400",
    "0x10",
    "1_000",
    "\u0661",
    "--1",
    "1,5",
    "''",
]


@pytest.mark.parametrize("value", ABSURD)
@pytest.mark.parametrize(
    ("name", "sound"), [("octopus", "0.24400000000000000000"), ("generic", "0.10"), ("json_lines", "0.10")]
)
def test_an_absurd_value_is_refused(tmp_path: Path, name: str, sound: str, value: str) -> None:
    whole, odd = read(tmp_path / "whole", GOOD[name]), GOOD[name].replace(sound.encode(), value.encode(), 1)
    verdict = read(tmp_path / "file", odd)
    assert whole is not None
    assert verdict is not None
    assert verdict.rejected == 1
    assert verdict.total(Direction.IMPORT) == whole.total(Direction.IMPORT) - Decimal(sound)


@pytest.mark.parametrize(
    "moment",
    [
        "1901-03-10T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        "2099-01-01T00:00:00Z",
        "2026-03-10T25:00:00Z",
        "2026-03-10T00:00:00+99:00",
        "10/03/2026",
        "20260310T000000Z",
        "now",
    ],
)
@pytest.mark.parametrize("name", ["generic", "json_lines"])
def test_an_absurd_time_is_refused(tmp_path: Path, name: str, moment: str) -> None:
    whole = read(tmp_path / "whole", GOOD[name])
    verdict = read(tmp_path / "file", GOOD[name].replace(b"2026-03-10T00:00:00Z", moment.encode(), 1))
    assert whole is not None
    assert verdict is not None
    assert verdict.rejected == 1
    assert verdict.total(Direction.IMPORT) == whole.total(Direction.IMPORT) - Decimal("0.10")


# ---------------------------------------------------------------- the worker process


FEED = b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">'
N3RGY = b'{"resource": "/m/gas/consumption/1", "granularity": "halfhour", "unit": "m3", "values": '
HOSTILE = {
    "billion_laughs": ((DATA / "malformed" / "gb_billion_laughs.xml").read_bytes(), {"FORBIDDEN_XML"}),
    "quadratic_in_a_feed": (
        b'<!DOCTYPE feed [<!ENTITY a "' + b"a" * 50_000 + b'">]>' + FEED + b"&a;" * 20_000 + b"</feed>",
        {"FORBIDDEN_XML"},
    ),
    "external_entity": ((DATA / "malformed" / "gb_external_entity.xml").read_bytes(), {"FORBIDDEN_XML"}),
    "external_dtd": ((DATA / "malformed" / "gb_external_dtd.xml").read_bytes(), {"FORBIDDEN_XML"}),
    "deep_xml": (FEED + b"<a>" * 200_000, {"DAMAGED_XML"}),
    "long_attribute": (FEED + b'<a b="' + b"c" * 6_000_000, {"DAMAGED_XML", "TOO_LARGE"}),
    "many_attributes": (FEED + b"<a " + b" ".join(b'b%d="1"' % n for n in range(200_000)), {"DAMAGED_XML"}),
    "many_usage_points": (
        FEED + b"".join(b'<entry><link rel="self" href="%d"/><e:UsagePoint/></entry>' % n for n in range(20_000)),
        {"TOO_MANY_OBJECTS"},
    ),
    "deep_json": (N3RGY + b"[" * 200_000, {"DAMAGED_JSON"}),
    "long_number": (
        N3RGY + b'[{"timestamp": "2026-01-01 00:30", "value": ' + b"9" * 2_000_000 + b"}]}",
        {"NO_READINGS", "NOT_A_NUMBER"},
    ),
    "large_json": (N3RGY + b"[" + b"{}," * 12_000_000, {"TOO_LARGE"}),
    "one_long_line": (b"100,NEM12," + b"1," * 5_000_000, {"LINE_TOO_LONG"}),
    "one_long_row": (b"100,NEM12,202401010000\n" + b"300," + b"1," * 5_000 + b"\n", {"LINE_TOO_LONG"}),
    "open_quote": (b'100,NEM12,"202401010000\n' * 50_000, {"NO_READINGS", "NO_END"}),
    "one_long_telegram": (b"/ISk5\\2MT382-1000\r\n1-0:1.8.1(1*kWh)\r\n" + b"1-0:1.8.2(1)\r\n" * 500, {"DAMAGED_FILE"}),
    "zip_bomb": (zipped({"a": bytes(100 * 2**20)}), {"BAD_ZIP"}),
    "zip_in_zip": (zipped({"a": zipped({"b": GENERIC})}), {"UNKNOWN_FORMAT"}),
    "zip_of_two": (zipped({"a": GENERIC, "b": GENERIC}), {"BAD_ZIP"}),
    "zip_with_a_way_out": (zipped({"../a": GENERIC}), {"BAD_ZIP"}),
    "zeros": (bytes(5_000_000), {"UNKNOWN_FORMAT"}),
    "many_registers": (
        HEADER.encode() + b"".join(ROW.replace("E1", f"E{n}").encode() for n in range(2_000)),
        {"TOO_MANY_REGISTERS"},
    ),
    "nested_intervals": (
        HEADER.encode()
        + b"".join(
            f"m,r,2026-01-01T00:00:{n % 60:02}Z,2026-03-{1 + n % 28:02}T00:00:00Z,0.1,kWh,import,A\n".encode()
            for n in range(20_000)
        ),
        {"OVERLAP", "REPLACED"},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered_in_words(tmp_path: Path, name: str) -> None:
    content, allowed = HOSTILE[name]
    answer = work_on(tmp_path, content)
    assert answer.codes <= allowed | {"GAP", "NOT_ENERGY"}
    assert answer.codes & allowed
    assert answer.seconds < 60


def test_a_million_tiny_intervals(tmp_path: Path) -> None:
    """One more than is read at once, a second each: refused as a whole, in flat memory."""
    rows = "".join(
        f"m,r,2026-01-{1 + n // 86_400:02}T{n // 3_600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z,"
        f"2026-01-{1 + (n + 1) // 86_400:02}T{(n + 1) // 3_600 % 24:02}:{(n + 1) // 60 % 60:02}:{(n + 1) % 60:02}Z,"
        "0.001,kWh,import,A\n"
        for n in range(RECORDS_MAX + 1)
    )
    answer = work_on(tmp_path, (HEADER + rows).encode())
    assert answer.codes == {"TOO_MANY_RECORDS"}
