"""Every sample file is read as `expected.json` beside it says; what must not be believed is not."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.checks import judge
from domain.footprint.model import Commodity, Direction, Reading
from infra.capture.reader import Unreadable
from infra.capture.registry import import_formats, reader_of, readers
from tests.infra.capture.files import DATA, NOW, accepted, codes, expected, judged


def test_the_formats() -> None:
    names = [reader.name for reader in readers()]
    assert len(set(names)) == len(names)
    assert {"GREEN_BUTTON", "NEM12"} < set(names)


def test_every_format_says_what_it_is() -> None:
    docs = (DATA.parents[1] / "docs" / "capture.md").read_text()
    for listed in import_formats():
        assert listed.description.endswith(".")
        assert listed.file_kinds
        assert f"\n## {listed.name}\n" in docs


# ---------------------------------------------------------------- Green Button

GREEN_BUTTON = expected("green_button")


@pytest.mark.parametrize("name", [name for name, values in GREEN_BUTTON.items() if "total" in values])
def test_green_button(name: str) -> None:
    values = GREEN_BUTTON[name]
    verdict = judged(f"green_button/{name}")
    [(unit, total)] = values["total"].items()
    rows = list(accepted(verdict))
    assert verdict.read == len(rows) == values["intervals"]
    assert verdict.total(Direction.IMPORT) == total
    assert {register.unit for register, _index in rows} == {unit}
    lengths = Counter(str(register.ends[index] - register.starts[index]) for register, index in rows)
    assert {seconds: count for seconds, count in lengths.items() if seconds in values["durations_s"]} == values[
        "durations_s"
    ]
    first, last = rows[0][0].starts[rows[0][1]], rows[-1][0].ends[rows[-1][1]]
    assert datetime.fromtimestamp(first, UTC) == datetime.fromisoformat(values["first_start_utc"])
    assert datetime.fromtimestamp(last, UTC) == datetime.fromisoformat(values["end_utc"])
    assert codes(verdict).count("GAP") == values["gap_count"]


@pytest.mark.parametrize("name", [name for name, values in GREEN_BUTTON.items() if "kwh_by_local_month" in values])
def test_green_button_by_local_month(name: str) -> None:
    months = dict(GREEN_BUTTON[name]["kwh_by_local_month"])
    zone = ZoneInfo(months.pop("tz"))
    sums: dict[str, Decimal] = {}
    for register, index in accepted(judged(f"green_button/{name}")):
        month = datetime.fromtimestamp(register.starts[index], zone).strftime("%Y-%m")
        sums[month] = sums.get(month, Decimal(0)) + register.values[index]
    assert sums == months


def test_a_gas_bill_without_a_unit_is_refused_with_a_reason() -> None:
    verdict = judged("green_button/ngma_gas_provider_2024-07-16.xml")
    assert verdict.accepted == 0
    assert set(codes(verdict)) == {"UNKNOWN_UNIT"}


# ---------------------------------------------------------------- NEM12

NEM12 = expected("nem12")


@pytest.mark.parametrize("name", [name for name in NEM12 if not name.startswith("invalid/")])
def test_nem12(name: str) -> None:
    path = DATA / "nem12" / name
    readings = [item for item in reader_of(path).read(path) if isinstance(item, Reading)]
    energy = [values for values in NEM12[name] if values["uom"].lower() in {"wh", "kwh", "mwh"}]
    assert len(readings) == sum(values["n"] for values in energy)
    for values in energy:
        own = [item for item in readings if (item.source, item.register) == (values["nmi"], values["channel"])]
        assert len(own) == values["n"]
        assert sum(item.value for item in own) == values["sum"]
        assert min(item.start for item in own) == datetime.fromisoformat(values["first"])
        assert max(item.end for item in own) == datetime.fromisoformat(values["end"])
        assert Counter(item.quality for item in own) == values["quality"]
        assert {item.direction for item in own} == {
            Direction.EXPORT if values["channel"].startswith("B") else Direction.IMPORT
        }


@pytest.mark.parametrize(
    ("name", "use", "export"),
    [
        ("Example_NEM12_month_solar.csv", "270.738", "589.172"),
        ("Example_NEM12_partialchannel.csv", "270.738", "23.166"),
        ("Example_NEM12_multiple_meters.csv", "21.120", "5.760"),
        ("Example_NEM12_multiple_quality.csv", "896.990", "0"),
        ("Example_NEM12_different_interval_length.csv", "374", "0"),
        ("Example_NEM12_no_scheduled_read.csv", "5.84", "0"),
        ("Example_NEM13_consumption_data.csv", "1312.1", "0"),
        ("Example_NEM13_forward_estimate.csv", "176", "0"),
    ],
)
def test_nem12_in_kwh(name: str, use: str, export: str) -> None:
    verdict = judged(f"nem12/{name}")
    assert verdict.total(Direction.IMPORT) == Decimal(use)
    assert verdict.total(Direction.EXPORT) == Decimal(export)


@pytest.mark.parametrize(
    ("name", "use", "told"),
    [
        ("Example_NEM12_powercor.csv", "159.984", {"REPLACED", "NOT_ENERGY", "NO_HEADER"}),
        ("Example_NEM12_incomplete_interval.csv", "53.328", {"WRONG_VALUE_COUNT", "NOT_ENERGY"}),
        ("Example_NEM12_30min_200_15min_300.csv", "0", {"WRONG_VALUE_COUNT"}),
        ("Example_NEM12_15min_200_30min_300.csv", "0", {"WRONG_VALUE_COUNT"}),
        ("Example_NEM12_missing_header.csv", "53.328", {"NOT_ENERGY", "NO_HEADER"}),
    ],
)
def test_nem12_that_must_not_be_believed(name: str, use: str, told: set[str]) -> None:
    verdict = judged(f"nem12/invalid/{name}")
    assert verdict.total(Direction.IMPORT) == Decimal(use)
    assert set(codes(verdict)) == told


def test_a_rejection_says_the_line() -> None:
    verdict = judged("nem12/invalid/Example_NEM12_incomplete_interval.csv")
    assert [(item.code, item.line) for item in verdict.rejections] == [("WRONG_VALUE_COUNT", 3), ("NOT_ENERGY", 5)]


def test_an_interval_of_null_quality_is_no_reading(tmp_path: Path) -> None:
    values = ",".join(["1"] * 48)
    file = tmp_path / "nem"
    file.write_text(
        f"100,NEM12,202401010000,A,B\n200,NMI1,E1,1,E1,N1,M,kWh,30,\n300,20240101,{values},V,,,,\n"
        "400,1,10,A,,\n400,11,20,N,,\n400,21,48,S14,,\n900\n"
    )
    readings = [item for item in reader_of(file).read(file) if isinstance(item, Reading)]
    assert Counter(item.quality for item in readings) == {"A": 10, "S14": 28}


# ---------------------------------------------------------------- malformed

MALFORMED = expected("malformed")


@pytest.mark.parametrize("name", [name for name, values in MALFORMED.items() if "kwh" in values])
def test_malformed_with_a_sum(name: str) -> None:
    values = MALFORMED[name]
    verdict = judged(f"malformed/{name}")
    assert verdict.total(Direction.IMPORT) == values["kwh"]
    if "intervals" in values:
        assert verdict.accepted == values["intervals"]


@pytest.mark.parametrize("name", ["gb_import_and_export.xml", "gb_net_negative.xml", "nem_export_register.csv"])
def test_malformed_with_export(name: str) -> None:
    verdict = judged(f"malformed/{name}")
    assert verdict.total(Direction.IMPORT) == MALFORMED[name]["import_kwh"]
    assert verdict.total(Direction.EXPORT) == MALFORMED[name]["export_kwh"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gb_billion_laughs.xml", "FORBIDDEN_XML"),
        ("gb_external_entity.xml", "FORBIDDEN_XML"),
        ("gb_parameter_entity.xml", "FORBIDDEN_XML"),
        ("gb_external_dtd.xml", "FORBIDDEN_XML"),
        ("gb_quadratic_entity.xml", "UNKNOWN_FORMAT"),
        ("gb_truncated.xml", "DAMAGED_XML"),
        ("gb_empty.xml", "EMPTY_FILE"),
        ("gb_html_login_page.xml", "WEB_PAGE"),
        ("gb_not_espi.xml", "NO_READINGS"),
    ],
)
def test_refused_whole(name: str, code: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        judged(f"malformed/{name}")
    assert refusal.value.code == code
    canary = (DATA / "malformed" / "xxe_canary.txt").read_text().strip()
    assert canary not in refusal.value.reason


@pytest.mark.parametrize(
    ("name", "use", "told"),
    [
        ("gb_multiplier_absurd.xml", "0", {"BAD_MULTIPLIER"}),
        ("gb_no_readingtype.xml", "0", {"AMBIGUOUS_TYPE"}),
        ("gb_therms_in_electric_point.xml", "0", {"UNIT_MISMATCH"}),
        ("gb_value_huge.xml", "0", {"ABSURD_VALUE"}),
        ("gb_value_float.xml", "14.772", set()),
        ("gb_negative_forward.xml", "14.26", {"NEGATIVE"}),
        ("gb_duplicates_same.xml", "14.76", set()),
        ("gb_duplicates_conflict.xml", "14.77", {"REPLACED"}),
        ("gb_overlap_day_and_hours.xml", "14.76", {"OVERLAP"}),
        ("gb_start_zero_and_future.xml", "14.76", {"BAD_TIME"}),
        ("gb_multiplier_plus3.xml", "14760", {"IMPLAUSIBLE"}),
        ("gb_gap.xml", "12.3", {"GAP"}),
        ("nem_nan.csv", "0", {"NOT_A_NUMBER"}),
        ("nem_negative.csv", "23.5", {"NEGATIVE"}),
        ("nem_interval_zero.csv", "0", {"BAD_INTERVAL"}),
        ("nem_no_900.csv", "24", {"NO_END"}),
        ("nem_same_day_twice.csv", "28.8", {"REPLACED"}),
    ],
)
def test_what_the_person_is_told(name: str, use: str, told: set[str]) -> None:
    verdict = judged(f"malformed/{name}")
    assert verdict.total(Direction.IMPORT) == Decimal(use)
    assert set(codes(verdict)) == told


def test_the_last_half_hours_of_a_nem_day_are_tomorrow_in_sydney_s_summer() -> None:
    days = Counter(
        datetime.fromtimestamp(register.starts[index], ZoneInfo("Australia/Sydney")).date().isoformat()
        for register, index in accepted(judged("malformed/nem_dst_day.csv"))
    )
    assert days == {"2023-10-01": 46, "2023-10-02": 2}


# ---------------------------------------------------------------- links of Green Button


def feed(*entries: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'


def entry(content: str, links: str = "") -> str:
    return f"<entry><content>{content.replace('<', '<e:').replace('<e:/', '</e:')}</content>{links}</entry>".replace(
        "<entry>", '<entry xmlns:e="http://naesb.org/espi">'
    )


def link(rel: str, href: str) -> str:
    return f'<link rel="{rel}" href="{href}"/>'


BLOCK = (
    "<IntervalBlock><IntervalReading><timePeriod><duration>3600</duration><start>1767250800</start></timePeriod>"
    "<value>500</value></IntervalReading></IntervalBlock>"
)
TYPES = (
    entry("<ReadingType><uom>72</uom><flowDirection>1</flowDirection></ReadingType>", link("self", "/ReadingType/1")),
    entry("<ReadingType><uom>72</uom><flowDirection>19</flowDirection></ReadingType>", link("self", "/ReadingType/2")),
)


def test_links_may_be_absolute_relative_and_after_the_content(tmp_path: Path) -> None:
    file = tmp_path / "feed"
    file.write_text(
        feed(
            entry(
                BLOCK, link("up", "https://data.example/espi/1_1/resource/UsagePoint/7/MeterReading/1/IntervalBlock")
            ),
            *TYPES,
            entry(
                "<MeterReading></MeterReading>",
                link("self", "UsagePoint/7/MeterReading/1") + link("related", "https://data.example/ReadingType/2"),
            ),
        )
    )
    verdict = judge(reader_of(file).read(file), NOW)
    assert [(register.meter, register.register) for register, _indices in verdict.kept] == [("UsagePoint/7", "reverse")]
    assert verdict.total(Direction.EXPORT) == Decimal("0.5")


def test_two_reading_types_and_no_link_are_ambiguous(tmp_path: Path) -> None:
    file = tmp_path / "feed"
    file.write_text(feed(*TYPES, entry(BLOCK)))
    verdict = judge(reader_of(file).read(file), NOW)
    assert codes(verdict) == ["AMBIGUOUS_TYPE"]


def test_an_unknown_flow_is_taken_as_use_and_said(tmp_path: Path) -> None:
    file = tmp_path / "feed"
    kind = entry("<ReadingType><uom>72</uom><flowDirection>0</flowDirection></ReadingType>", link("self", "R/1"))
    file.write_text(feed(kind, entry(BLOCK)))
    verdict = judge(reader_of(file).read(file), NOW)
    assert verdict.total(Direction.IMPORT) == Decimal("0.5")
    assert codes(verdict) == ["FLOW_UNKNOWN"]


def one_type(uom: str) -> str:
    return entry(f"<ReadingType><uom>{uom}</uom><flowDirection>1</flowDirection></ReadingType>", link("self", "R/1"))


def usage_point(kind: str) -> str:
    content = f"<UsagePoint><ServiceCategory><kind>{kind}</kind></ServiceCategory></UsagePoint>"
    return entry(content, link("self", "UsagePoint/1"))


@pytest.mark.parametrize(
    ("kind", "uom", "commodity", "total"),
    [
        ("2", "42", Commodity.WATER, "500"),
        ("2", "134", Commodity.WATER, "0.5"),
        ("2", "128", Commodity.WATER, "1.892705892"),
        ("1", "42", Commodity.GAS, "500"),
        ("1", "119", Commodity.GAS, "500"),
        ("1", "72", Commodity.GAS, "0.5"),
        ("0", "72", Commodity.ELECTRICITY, "0.5"),
    ],
)
def test_what_a_meter_measures(tmp_path: Path, kind: str, uom: str, commodity: Commodity, total: str) -> None:
    file = tmp_path / "feed"
    file.write_text(feed(usage_point(kind), one_type(uom), entry(BLOCK, link("up", "UsagePoint/1/MeterReading/1"))))
    verdict = judge(reader_of(file).read(file), NOW)
    assert [(register.meter, register.commodity) for register, _indices in verdict.kept] == [
        ("UsagePoint/1", commodity)
    ]
    assert verdict.total(Direction.IMPORT) == Decimal(total)


@pytest.mark.parametrize(("kind", "uom"), [("2", "72"), ("2", "169"), ("1", "134"), ("0", "42"), ("3", "42")])
def test_a_unit_that_does_not_fit_the_meter(tmp_path: Path, kind: str, uom: str) -> None:
    file = tmp_path / "feed"
    file.write_text(feed(usage_point(kind), one_type(uom), entry(BLOCK)))
    assert codes(judge(reader_of(file).read(file), NOW)) == ["UNIT_MISMATCH"]


@pytest.mark.parametrize(
    ("stated", "seconds", "told"),
    [("500", 3_600, []), ("501", 3_600, ["TOTAL_DIFFERS"]), ("501", 7_200, []), ("x", 3_600, []), ("9", 0, [])],
)
def test_a_stated_total_is_compared_where_the_readings_fill_its_time(
    tmp_path: Path, stated: str, seconds: int, told: list[str]
) -> None:
    summary = entry(
        f"<UsageSummary><billingPeriod><duration>{seconds}</duration><start>1767250800</start></billingPeriod>"
        f"<overallConsumptionLastPeriod><uom>72</uom><value>{stated}</value></overallConsumptionLastPeriod>"
        "</UsageSummary>",
        link("self", "UsagePoint/1/UsageSummary/1"),
    )
    file = tmp_path / "feed"
    file.write_text(feed(usage_point("0"), one_type("72"), entry(BLOCK), summary))
    verdict = judge(reader_of(file).read(file), NOW)
    assert codes(verdict) == told
    assert verdict.total(Direction.IMPORT) == Decimal("0.5")


def test_of_two_blocks_the_one_updated_later_holds(tmp_path: Path) -> None:
    newer = entry(BLOCK, "<updated>2026-02-02T00:00:00Z</updated>")
    older = entry(BLOCK.replace("500", "700"), "<updated>2026-02-01T00:00:00+00:00</updated>")
    file = tmp_path / "feed"
    file.write_text(feed(one_type("72"), newer, older))
    verdict = judge(reader_of(file).read(file), NOW)
    assert codes(verdict) == ["REPLACED"]
    assert verdict.total(Direction.IMPORT) == Decimal("0.5")
