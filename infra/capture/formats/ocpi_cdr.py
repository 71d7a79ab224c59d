"""OCPI charge detail records (2.1.1 to 2.2.1), as JSON: one, a list, or the list in the `data` of an answer.

`total_energy` is in kWh and says what was charged; the ENERGY dimensions of the periods add up to it or are absent. A
record with `credit` undoes the one that it names. Of the place only the country is used: coordinates are exchanged in
many records, even in the published example.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.footprint.model import Rejection
from domain.footprint.records import Charge
from infra.capture.countries import ALPHA_2
from infra.capture.reader import Unreadable
from infra.capture.statement import readable
from infra.capture.strict_json import number_in, parsed
from infra.capture.text import start_of

FILE_MAX_BYTES = 16 * 2**20
TOLERANCE = Decimal("0.01")
"""Of the sum of the dimensions, and as many kWh: meters and bills round each for itself."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_EVSE_COUNTRY = re.compile(r"([A-Z]{2})\*?[A-Z0-9]{3}\*?E", re.ASCII)
_SIGNS = (b'"total_energy"', b'"charging_periods"', b'"cdr_location"', b'"cdr_token"')


class OcpiReader:
    name = "OCPI_CDR"
    description = "Charge detail records of charging networks (OCPI 2.2)."
    file_kinds = (".json", ".zip")

    def recognises(self, head: bytes) -> bool:
        return start_of(head).startswith((b"{", b"[")) and sum(sign in head for sign in _SIGNS) >= 2

    def read(self, path: Path) -> Iterator[Charge | Rejection]:
        if path.stat().st_size > FILE_MAX_BYTES:
            raise Unreadable("TOO_LARGE", "The file is larger than charge records are. Send it in parts.")
        records = parsed(path.read_bytes())
        if isinstance(records, dict):
            records = records["data"] if "data" in records and "total_energy" not in records else [records]
        if not isinstance(records, list):
            raise Unreadable("NO_RECORDS", "The file holds no list of charge records.")
        for record in records:
            yield _charge(record) if isinstance(record, dict) else _fault("BAD_RECORD", "This is no charge record.")


def _charge(record: dict[str, Any]) -> Charge | Rejection:
    name = _text(record, "id")
    start = _moment(record.get("start_date_time"))
    end = _moment(record.get("end_date_time") or record.get("stop_date_time"))
    if not name:
        return _fault("NO_ID", "The charge record has no id.")
    if start is None or end is None:
        return _fault("BAD_DATE", "The charge record has no start or end that exists.", name)
    energy = _energy(record)
    if isinstance(energy, str):
        return _fault("BAD_ENERGY", energy, name)
    credit = record.get("credit", False)
    cancels = _text(record, "credit_reference_id")
    if credit not in (True, False, None) or bool(credit) != bool(cancels):
        return _fault("BAD_CREDIT", "A credit record and the record that it undoes do not go together here.", name)
    place = record.get("cdr_location") or record.get("location")
    place = place if isinstance(place, dict) else {}
    operator = f"{_text(record, 'country_code')}*{_text(record, 'party_id')}".strip("*")
    direct = "DC" in _text(place, "connector_power_type")
    return Charge(
        source=f"OCPI {operator}".strip(),
        record=name,
        start=start,
        end=end,
        kwh=energy,
        at_home=False if direct else None,
        cancels=cancels or None,
        region=_country(record, place),
        socket=_text(place, "evse_id") or _text(place, "id"),
    )


def _energy(record: dict[str, Any]) -> Decimal | str:
    """kWh, or what is wrong with them."""
    total = number_in(record.get("total_energy"))
    periods = record.get("charging_periods")
    parts = list(_dimensions(periods)) if isinstance(periods, list) else []
    if any(part is None for part in parts) or (total is None and record.get("total_energy") is not None):
        return "The energy of the charge record is not a number."
    known = sum((part for part in parts if part is not None), Decimal(0))
    if total is None:
        return known if parts else "The charge record says nothing of energy."
    if parts and abs(known - total) > TOLERANCE * (1 + abs(total)):
        return f"The periods add up to {known} kWh and the record says {total} kWh: one of them is wrong."
    return total


def _dimensions(periods: list[Any]) -> Iterator[Decimal | None]:
    for period in periods:
        dimensions = period.get("dimensions") if isinstance(period, dict) else None
        for dimension in dimensions if isinstance(dimensions, list) else ():
            if isinstance(dimension, dict) and dimension.get("type") == "ENERGY":
                yield number_in(dimension.get("volume"))


def _country(record: dict[str, Any], place: dict[str, Any]) -> str | None:
    """Of the place, else of the number of the socket, else of the operator."""
    written = ALPHA_2.get(_text(place, "country").upper())
    if written is None and (match := _EVSE_COUNTRY.match(_text(place, "evse_id"))):
        written = match[1]
    code = written or _text(record, "country_code").upper()
    return code if code in ALPHA_2.values() else None


def _moment(value: object) -> datetime | None:
    """OCPI writes UTC, with or without Z."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return readable(value) if isinstance(value, str) else ""


def _fault(code: str, reason: str, record: str | None = None) -> Rejection:
    return Rejection(code, reason, record=record)


READER = OcpiReader()
