"""Bank and charging files that were cut, bent or made to hurt: an answer in words, in time, and no wrong sum."""

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from domain.footprint.checks import Verdict, judge
from domain.footprint.records import Charge, Purchase
from infra.capture.reader import Unreadable
from infra.capture.registry import reader_of, readers
from tests.infra.capture.damage import bent
from tests.infra.capture.files import DATA, NOW

SECONDS_MAX = 10
SAMPLES = sorted(
    path for folder in ("ofx", "bank_csv", "ev") for path in (DATA / folder).iterdir() if path.name != "expected.json"
)
INSERTS = (b"\0", b"\xff\xfe", b"<", b'"', b",", b"\n", b"\xf0\x9f\x92\xa9", b"[", b"1e9")
CUTS = (0.2, 0.5, 0.8, 0.95, 0.999)


def judged(path: Path, content: bytes) -> Verdict | str:
    """The verdict, or the code of the refusal. Nothing else may happen, and not for long."""
    path.write_bytes(content)
    began = time.monotonic()
    try:
        verdict = judge(reader_of(path).read(path), NOW, "DE")
    except Unreadable as refusal:
        return refusal.code if refusal.reason else "refused without a word"
    finally:
        assert time.monotonic() - began < SECONDS_MAX
    assert verdict.read == verdict.accepted + verdict.duplicate + verdict.rejected
    for item in verdict.captured:
        assert item.draft.quantity.is_finite()
        assert abs(item.draft.quantity) < 10**10
        assert item.source.isprintable()
        assert item.record.isprintable()
    return verdict


def amounts(path: Path) -> Iterator[Decimal]:
    for item in reader_of(path).read(path):
        if isinstance(item, Purchase):
            yield item.amount
        elif isinstance(item, Charge):
            yield item.kwh


def sample_id(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


@pytest.mark.parametrize("part", CUTS)
@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_a_cut_file_gives_nothing_that_the_whole_has_not(tmp_path: Path, sample: Path, part: float) -> None:
    whole = sample.read_bytes()
    content = whole[: int(len(whole) * part)]
    verdict = judged(tmp_path / "cut", content)
    if isinstance(verdict, str):
        return
    told = {item.code for item in (*verdict.rejections, *verdict.notes)}
    if verdict.read and content.rstrip() != whole.rstrip() and not content.endswith(b"\n"):
        assert told & {"CUT_ROW", "NO_END", "BAD_MESSAGE", "NO_ANSWER"}
    if "NO_END" not in told and "SESSION_OPEN" not in told:
        assert set(amounts(tmp_path / "cut")) <= set(amounts(sample))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_bent_bytes(tmp_path: Path, sample: Path, seed: int) -> None:
    dice = random.Random(f"{sample.name} {seed}")
    judged(tmp_path / "bent", bent(sample.read_bytes(), dice, 1 + seed * 3, INSERTS))


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_the_same_in_other_line_ends_is_the_same(tmp_path: Path, sample: Path) -> None:
    whole = sample.read_bytes()
    before = judged(tmp_path / "one", whole)
    after = judged(tmp_path / "two", whole.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    if isinstance(before, str) or isinstance(after, str):
        assert before == after
        return
    assert [(item.record, item.draft) for item in after.captured] == [
        (item.record, item.draft) for item in before.captured
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_id)
def test_the_file_twice_in_one_is_never_twice_the_money(tmp_path: Path, sample: Path) -> None:
    """Where it can be read at all, ids and whole days do not add up; what has no id counts as often as it stands."""
    once = judged(tmp_path / "once", sample.read_bytes())
    verdict = judged(tmp_path / "twice", sample.read_bytes() * 2)
    if isinstance(once, Verdict) and isinstance(verdict, Verdict) and sample.suffix in {".ofx", ".qfx"}:
        own = {item.record for item in once.captured if "-" not in item.record}
        assert sorted(item.record for item in verdict.captured if item.record in own) == sorted(own)


BOMB = "<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'>" + "".join(
    f"<!ENTITY x{level} '{'&x' + str(level - 1) + ';' if level else '&x;'}'>" for level in range(9)
)
LINE = "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260115<TRNAMT>{}<FITID>{}<NAME>{}</STMTTRN>"
OPEN = "OFXHEADER:100\n<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM>"
SHUT = "</STMTRS></OFX>"


def ofx(*lines: str) -> bytes:
    return (OPEN + "".join(lines) + SHUT).encode()


def table(*lines: str, head: str = "Date,Name,Amount") -> bytes:
    return ("\n".join((head, *lines)) + "\n").encode()


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (ofx(LINE.format("-1e400", 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("NaN", 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("-Infinity", 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("-" + "9" * 400, 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("-0x10", 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("-1.2.3,4", 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("", 1, "a")), {"NOT_A_NUMBER"}),
        (ofx(LINE.format("-999999999999", 1, "a")), {"ABSURD_VALUE"}),
        (ofx(LINE.format("-5", 1, "a").replace("20260115", "19010101")), {"BAD_TIME"}),
        (ofx(LINE.format("-5", 1, "a").replace("20260115", "21000101")), {"BAD_TIME"}),
        (ofx(LINE.format("-5", 1, "a").replace("20260115", "00000000")), {"BAD_DATE"}),
        (ofx(LINE.format("-5", 1, "a").replace("20260115", "\u0662" * 8)), {"BAD_DATE"}),
        (ofx(LINE.format("-5", 1, "a")).replace(b"EUR", b"eur"), set()),
        (ofx(LINE.format("-5", 1, "&x;&#0;&#xD800;")), set()),
        (BOMB.encode() + ofx(LINE.format("-5", 1, "&x8;")), set()),
        (ofx(LINE.format("-5", 1, "<![CDATA[<STMTTRN><TRNAMT>-900]]>")), set()),
        (ofx("<X>" * 5_000, LINE.format("-5", 1, "a")), set()),
        (table("2026-03-01,a,-1e400"), {"NOT_A_NUMBER"}),
        (table("2026-03-01,a,NaN", "2026-03-01,a,-1.00"), {"NOT_A_NUMBER"}),
        (table("2026-03-01,a,=1+1", "2026-03-01,a,-1.00"), {"NOT_A_NUMBER"}),
        (table('2026-03-01,"=cmd|\' /C calc\'!A0",-1.00'), set()),
        (table("2026-03-01,@SUM(A1),-1.00", "2026-03-02,+1,-1.00", "2026-03-03,-2,-1.00"), set()),
        (table("2026-02-30,a,-1.00", "0000-00-00,a,-1.00"), {"BAD_DATE"}),
        (table("1901-01-01,a,-1.00"), {"BAD_TIME"}),
        (table("2026-03-01," + "\u202e" * 50 + ",-1.00"), set()),
        (table("2026-03-01,\u0000\u0007,-1.00"), None),
        (table("2026-03-01," + "x" * 5_000 + ",-1.00"), set()),
        (table("2026-03-01,a,-" + "9" * 30 + ".00", "2026-03-01,a,-1.00"), {"NOT_A_NUMBER"}),
        (table(*(["2026-03-01,a,-1.00"] * 3), ",,", ",,,,,,,,,,", "x"), {"BAD_DATE"}),
    ],
)  # fmt: skip
def test_values_that_are_none(tmp_path: Path, content: bytes, codes: set[str] | None) -> None:
    verdict = judged(tmp_path / "file", content)
    if codes is None:
        assert verdict == "UNKNOWN_FORMAT"
        return
    assert isinstance(verdict, Verdict)
    assert {item.code for item in verdict.rejections} == codes


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (OPEN.encode(), "TRUNCATED"),
        (b"<OFX>" * 100, "TOO_DEEP"),
        (b"<OFX></OFX>", "NO_STATEMENT"),
        (b"<OFX><A" + b"x" * 300_000, "DAMAGED_FILE"),
        (b"<OFX>" + b"x" * 300_000, "DAMAGED_FILE"),
        (b"<OFX><![CDATA[" + b"x" * 300_000, "DAMAGED_FILE"),
        (table('2026-03-01,"a,-1.00', *(["2026-03-01,a,-1.00"] * 20_000)), "DAMAGED_TABLE"),
        (table("2026-03-01," + "x" * 100_000 + ",-1.00"), "LINE_TOO_LONG"),
        (b'{"total_energy": 1, "cdr_token": ' + b"[" * 200_000, "TOO_DEEP"),
        (b'{"total_energy": 1, "cdr_token": "' + b"x" * 17 * 2**20, "TOO_LARGE"),
        (b'{"total_energy": 1, "cdr_token": "\xff"}', "WRONG_ENCODING"),
        (b'{"total_energy": 1, "cdr_token": "\\ud800"', "DAMAGED_JSON"),
        (b'{"data": 7, "x": "total_energy cdr_token", "cdr_token": 1, "cdr_location": 2}', "NO_RECORDS"),
        (b'[2,"a","X",{}]\n' + b"x" * 300_000, "LINE_TOO_LONG"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, code: str) -> None:
    assert judged(tmp_path / "file", content) == code


@pytest.mark.parametrize(
    "content",
    [
        b'[2,"a","StartTransaction",{"meterStart":1e400,"timestamp":"2026-03-01T08:00:00Z"}]',
        b'[2,"a","StartTransaction",{"meterStart":-5,"timestamp":"2026-03-01T08:00:00Z"}]',
        b'[2,"a","StartTransaction",{"meterStart":5,"timestamp":"9999-12-31T23:59:59-23:59"}]',
        b'[2,"a","StartTransaction",{"meterStart":5,"meterStart":6,"timestamp":"2026-03-01T08:00:00Z"}]',
        b'[2,"a","StopTransaction",{"transactionId":{}}]',
        b'[2,"a",{},{}]',
        b'[2,"a","MeterValues",{"transactionId":1,"meterValue":[1,[],{"sampledValue":[1,{"value":{}}]}]}]',
        b'[3,"a",{"transactionId":1}]\n[3,"a",[]]\n[9,"a","b"]',
        b'[2,"' + b"a" * 64 + b'","X",' + b'{"a":' * 10_000,
    ],
)
def test_messages_that_are_none(tmp_path: Path, content: bytes) -> None:
    verdict = judged(tmp_path / "file", content)
    assert isinstance(verdict, Verdict)
    assert verdict.captured == []


def test_a_charge_of_an_absurd_size_is_refused(tmp_path: Path) -> None:
    text = (DATA / "ev" / "constructed_ocpi_2_2_1_cdr.json").read_text()
    text = text.replace("21.0", "2100000").replace('"type": "ENERGY"', '"type": "X"')
    verdict = judged(tmp_path / "file", text.encode())
    assert isinstance(verdict, Verdict)
    assert [item.code for item in verdict.rejections] == ["ABSURD_VALUE"]


def test_no_reader_trips_over_any_start() -> None:
    dice = random.Random(4)
    heads = [b"", b"\0", b"\xff\xfe", b"\xfe\xff\0", b"\xef\xbb\xbf", b'"', b",", b"[2", b"{", b"<", b"\xff" * 65_536]
    heads += [dice.randbytes(size) for size in range(1, 200)]
    for head in heads:
        for reader in readers():
            assert reader.recognises(head) in (True, False)
