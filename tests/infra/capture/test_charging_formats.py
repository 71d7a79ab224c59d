"""Charging: every sample is read as `expected.json` beside it says."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.model import Rejection
from domain.footprint.records import Charge, Journey, TravelMode
from infra.capture.reader import Unreadable
from infra.capture.registry import reader_of
from tests.infra.capture.files import DATA, expected

EXPECTED = expected("ev")
RECORD: dict[str, Any] = json.loads((DATA / "ev" / "constructed_ocpi_2_2_1_cdr.json").read_text())
SESSION = (DATA / "ev" / "constructed_ocpp16_session.jsonl").read_text().splitlines()


def read(path: Path) -> tuple[list[Charge], list[Rejection]]:
    items = list(reader_of(path).read(path))
    return [item for item in items if isinstance(item, Charge)], [item for item in items if isinstance(item, Rejection)]


def written(tmp_path: Path, value: object) -> Path:
    file = tmp_path / "file"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


# ---------------------------------------------------------------- OCPI


def test_a_charge_record() -> None:
    [charge], rejections = read(DATA / "ev" / "constructed_ocpi_2_2_1_cdr.json")
    assert rejections == []
    assert charge.kwh == EXPECTED["constructed_ocpi_2_2_1_cdr.json"]["energy_kwh"]
    assert charge.start.isoformat() == "2026-10-24T23:40:10+00:00"
    assert (charge.region, charge.socket, charge.at_home) == ("NL", "NL*TST*E4411*1", None)


def test_a_list_with_a_credit() -> None:
    values = EXPECTED["constructed_ocpi_2_2_1_cdr_list.json"]
    charges, rejections = read(DATA / "ev" / "constructed_ocpi_2_2_1_cdr_list.json")
    undone = {charge.cancels for charge in charges}
    net = [charge.kwh for charge in charges if charge.cancels is None and charge.record not in undone]
    assert (len(charges), sum(net), rejections) == (values["records"], values["energy_kwh_net"], [])


def test_an_answer_of_a_server_holds_its_records_in_data(tmp_path: Path) -> None:
    charges, _rejections = read(written(tmp_path, {"data": [RECORD], "status_code": 1000}))
    assert [charge.kwh for charge in charges] == [21]


def test_older_records_have_other_names(tmp_path: Path) -> None:
    older = {
        "id": "7", "start_date_time": "2026-03-01T08:00:00", "stop_date_time": "2026-03-01T09:00:00Z",
        "total_energy": "12.5", "charging_periods": [], "location": {"id": "L1", "country": "DEU"},
    }  # fmt: skip
    [charge], _rejections = read(written(tmp_path, older))
    assert (charge.kwh, charge.region, charge.socket) == (Decimal("12.5"), "DE", "L1")
    assert charge.start.isoformat() == "2026-03-01T08:00:00+00:00"


def test_direct_current_is_never_at_home(tmp_path: Path) -> None:
    place = {**RECORD["cdr_location"], "connector_power_type": "DC"}
    [charge], _rejections = read(written(tmp_path, {**RECORD, "cdr_location": place}))
    assert charge.at_home is False


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id": ""}, "NO_ID"),
        ({"start_date_time": "2026-02-30T00:00:00Z"}, "BAD_DATE"),
        ({"end_date_time": None}, "BAD_DATE"),
        ({"total_energy": "much"}, "BAD_ENERGY"),
        ({"total_energy": True}, "BAD_ENERGY"),
        ({"total_energy": 21_000}, "BAD_ENERGY"),
        ({"total_energy": 1e300}, "BAD_ENERGY"),
        ({"total_energy": None, "charging_periods": []}, "BAD_ENERGY"),
        ({"charging_periods": [{"dimensions": [{"type": "ENERGY", "volume": "?"}]}]}, "BAD_ENERGY"),
        ({"credit": True}, "BAD_CREDIT"),
        ({"credit": "yes", "credit_reference_id": "X"}, "BAD_CREDIT"),
        ({"credit_reference_id": "X"}, "BAD_CREDIT"),
    ],
)
def test_a_record_that_contradicts_itself(tmp_path: Path, changes: dict[str, object], code: str) -> None:
    charges, rejections = read(written(tmp_path, [{**RECORD, **changes}, RECORD]))
    assert [charge.kwh for charge in charges] == [21]
    assert [rejection.code for rejection in rejections] == [code]


def test_without_a_total_the_periods_tell(tmp_path: Path) -> None:
    [charge], _rejections = read(written(tmp_path, {**RECORD, "total_energy": None}))
    assert charge.kwh == 21


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"total_energy": 21.0', '"total_energy": NaN', "NOT_A_NUMBER"),
        ('"total_energy": 21.0', '"total_energy": Infinity', "NOT_A_NUMBER"),
        ('"total_energy": 21.0', '"total_energy": 21.0, "total_energy": 0.1', "DUPLICATE_KEY"),
        ('"total_energy": 21.0', '"total_energy": 1' + "0" * 5_000, "ABSURD_NUMBER"),
        ('"tariffs": []', '"tariffs": ' + "[" * 100_000, "TOO_DEEP"),
        ('"credit": false', '"credit": fals', "DAMAGED_JSON"),
        ('"total_energy": 21.0,', '"total_energy": 21.0', "DAMAGED_JSON"),
    ],
)
def test_json_that_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    text = json.dumps(RECORD)
    assert old in text
    with pytest.raises(Unreadable) as refusal:
        read(written(tmp_path, text.replace(old, new)))
    assert refusal.value.code == code


# ---------------------------------------------------------------- OCPP


def test_a_session() -> None:
    [charge], rejections = read(DATA / "ev" / "constructed_ocpp16_session.jsonl")
    assert (charge.kwh, rejections) == (EXPECTED["constructed_ocpp16_session.jsonl"]["energy_kwh"], [])
    assert (charge.start.isoformat(), charge.end.isoformat()) == (
        "2026-03-28T23:30:00+00:00",
        "2026-03-29T01:45:00+00:00",
    )


def test_without_its_end_a_session_is_its_energy_so_far(tmp_path: Path) -> None:
    [part], rejections = read(written(tmp_path, "\n".join(SESSION[:-1])))
    [whole], _rejections = read(written(tmp_path, "\n".join(SESSION)))
    assert (part.kwh, [item.code for item in rejections]) == (Decimal("14.4"), ["SESSION_OPEN"])
    assert (part.source, part.record) == (whole.source, whole.record)


def sample(value: str, **fields: str) -> str:
    values = [{"timestamp": "2026-03-29T01:40:00Z", "sampledValue": [{"value": value, **fields}]}]
    return json.dumps([2, "x", "MeterValues", {"connectorId": 1, "transactionId": 9001, "meterValue": values}])


@pytest.mark.parametrize(
    ("line", "kwh", "codes"),
    [
        (sample("1218000"), "14.6", []),
        (sample("1218", unit="kWh"), "14.6", []),
        (sample("406000", phase="L1"), "14.4", []),
        (sample("1218000", location="Inlet"), "14.4", []),
        (sample("AAEC", format="SignedData"), "14.4", []),
        (sample("11", measurand="Current.Import"), "14.4", []),
        (sample("100"), "14.4", ["METER_FELL"]),
        (sample("nan"), "14.4", ["BAD_SAMPLE"]),
        (sample("1218", unit="varh"), "14.4", ["BAD_SAMPLE"]),
        ("[2,", "14.4", ["BAD_MESSAGE"]),
        ("{}", "14.4", ["BAD_MESSAGE"]),
        ("[" * 50_000, "14.4", ["BAD_MESSAGE"]),
        (json.dumps([4, "x", "NotSupported", "", {}]), "14.4", []),
        (json.dumps([2, "x", "MeterValues", {"transactionId": 9001, "meterValue": 7}]), "14.4", []),
        (json.dumps([2, "x", "MeterValues", {"transactionId": True, "meterValue": []}]), "14.4", []),
    ],
)
def test_samples_and_noise(tmp_path: Path, line: str, kwh: str, codes: list[str]) -> None:
    [charge], rejections = read(written(tmp_path, "\n".join([*SESSION[:-1], line])))
    assert charge.kwh == Decimal(kwh)
    assert [item.code for item in rejections if not item.note] == codes


def test_a_stop_below_the_start_is_no_charge(tmp_path: Path) -> None:
    stop = SESSION[-1].replace("1219600", "600")
    charges, rejections = read(written(tmp_path, "\n".join([*SESSION[:-1], stop])))
    assert (charges, [item.code for item in rejections]) == ([], ["METER_FELL"])


def test_an_end_without_a_start_is_told(tmp_path: Path) -> None:
    charges, rejections = read(written(tmp_path, SESSION[-1]))
    assert (charges, [item.code for item in rejections]) == ([], ["NO_START"])


def event(kind: str, minute: int, value: object, **measure: object) -> str:
    sample = {"value": value, "unitOfMeasure": {"unit": "kWh"} | measure, "measurand": "Energy.Active.Import.Register"}
    values = [{"timestamp": f"2026-03-01T08:{minute:02}:00Z", "sampledValue": [sample]}]
    body = {"eventType": kind, "transactionInfo": {"transactionId": "T-7"}, "evse": {"id": 2}, "meterValue": values}
    return json.dumps([2, f"m{minute}", "TransactionEvent", body])


@pytest.mark.parametrize(
    ("lines", "kwh", "codes"),
    [
        ([event("Started", 0, 100.5), event("Updated", 20, 104), event("Ended", 40, 110.25)], "9.75", []),
        ([event("Started", 0, 100.5), event("Ended", 40, 110.25, unit="Wh", multiplier=3)], "9.75", []),
        ([event("Started", 0, 100.5), event("Updated", 20, 104)], "3.5", ["SESSION_OPEN"]),
        ([event("Started", 0, 100.5), event("Updated", 20, 104), event("Ended", 40, "?")], "3.5", ["BAD_SAMPLE"]),
        ([event("Started", 0, 1), event("Updated", 9, 3), event("Ended", 40, 9, multiplier=30)], "2", ["BAD_SAMPLE"]),
        ([event("Started", 0, 1), event("Updated", 9, 3), event("Ended", 40, 9, unit=[])], "2", ["BAD_SAMPLE"]),
    ],
)
def test_a_session_of_ocpp_2(tmp_path: Path, lines: list[str], kwh: str, codes: list[str]) -> None:
    [charge], rejections = read(written(tmp_path, "\n".join(lines)))
    assert (charge.kwh, charge.socket) == (Decimal(kwh), "OCPP connector 2")
    assert [item.code for item in rejections] == codes


def test_a_session_of_ocpp_2_without_two_samples_is_no_charge(tmp_path: Path) -> None:
    charges, rejections = read(written(tmp_path, event("Ended", 40, 110)))
    assert (charges, [item.code for item in rejections]) == ([], ["NO_END"])


# ---------------------------------------------------------------- trips of an electric car


def test_trips(tmp_path: Path) -> None:
    file = tmp_path / "trips"
    file.write_text(
        "car;start;end;km;kWh\n"
        "Zoe;2026-03-01T08:00:00+01:00;2026-03-01T08:30:00+01:00;20,5;3,1\n"
        "Zoe;2026-03-29 02:30:00;2026-03-29 03:30:00;20,5;3,1\n"
        "Zoe;2026-03-01T10:00:00Z;2026-03-01T10:30:00Z;far;3,1\n"
    )
    trip, *rejections = list(reader_of(file, ZoneInfo("Europe/Paris")).read(file))
    assert isinstance(trip, Journey)
    assert (trip.source, trip.mode, trip.metres, trip.kwh) == (
        "EV Zoe",
        TravelMode.CAR,
        Decimal("20500.0"),
        Decimal("3.1"),
    )
    assert [(item.code, item.line) for item in rejections] == [("BAD_TIME", 3), ("NOT_A_NUMBER", 4)]
