"""What n3rgy's consumer service gives of a UK smart meter, as JSON or CSV.

    {"resource": "/mpxn/electricity/consumption/1", "granularity": "halfhour", "unit": "kWh",
     "values": [{"timestamp": "2013-03-30 00:30", "value": 0.102}]}

A stamp is the END of its half hour and has no offset; it is taken as UTC, which is what the CSV's header says. Gas of
SMETS meters is in m3. The file does not state its calorific value; where a `calorificValue` (MJ/m3) stands beside the
values, gas becomes kWh by m3 x 1.02264 x calorific value / 3.6 (Gas (Calculation of Thermal Energy) Regulations 1996),
else it stays m3, for which the factor tables have a figure of their own.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.text import shown
from infra.capture.reader import Unreadable
from infra.capture.text import decimal, head_text, moment, rows

FILE_MAX_BYTES = 32 * 2**20
VOLUME_CORRECTION = Decimal("1.02264")
CALORIFIC_VALUES = (Decimal(30), Decimal(50))
"""MJ/m3 between which a gas network's value lies: the UK's are 37.5 to 43."""

_RESOURCE = re.compile(r"/[^/]*/?(electricity|gas)/(consumption|production)(/[\w-]{1,20})?", re.ASCII)
_STEPS = {"halfhour": timedelta(minutes=30), "hour": timedelta(hours=1)}
_CSV_HEADER = re.compile(r"timestamp \(utc\),\s*energy(consumption|production) \((kwh|m3)\)\s*", re.ASCII)


class N3rgyReader:
    name = "N3RGY"
    description = "Half-hourly smart meter data of n3rgy (UK), electricity and gas, JSON or CSV."
    file_kinds = (".json", ".csv", ".zip")

    def recognises(self, head: bytes) -> bool:
        text = head_text(head)
        return _CSV_HEADER.fullmatch(text.partition("\n")[0].lower()) is not None or (
            text.startswith("{") and '"resource"' in text and '"granularity"' in text
        )

    def read(self, path: Path) -> Iterator[Reading | Rejection]:
        with path.open("rb") as file:
            is_json = head_text(file.read(64)).startswith("{")
        return _of_json(path) if is_json else _of_csv(path)


def _of_csv(path: Path) -> Iterator[Reading | Rejection]:
    found = rows(path)
    _line, header = next(found)
    named = _CSV_HEADER.fullmatch(",".join(header).lower())
    if named is None:
        raise Unreadable("DAMAGED_FILE", "The first line does not name the two columns of this format.")
    kind, unit = named.groups()
    commodity = Commodity.ELECTRICITY if unit == "kwh" else Commodity.GAS
    column = _Column(commodity, _direction(kind), {"kwh": "kWh"}.get(unit, unit), _STEPS["halfhour"])
    for line, fields in found:
        if len(fields) != 2:
            yield Rejection("BAD_ROW", f"The row has {len(fields)} fields and not 2.", line=line.number)
        elif not line.is_whole:
            yield Rejection("NO_END", "The last row has no line end: its value may be cut.", line=line.number)
        else:
            yield column.reading(fields[0], decimal(fields[1]), fields[1], line.number)


def _of_json(path: Path) -> Iterator[Reading | Rejection]:
    if path.stat().st_size > FILE_MAX_BYTES:
        raise Unreadable("TOO_LARGE", f"A file of this format has at most {FILE_MAX_BYTES // 2**20} MiB.")
    try:
        content = json.loads(path.read_bytes(), parse_float=decimal, parse_int=decimal, parse_constant=_nothing)
    except (ValueError, RecursionError) as error:
        raise Unreadable("DAMAGED_JSON", "The file is damaged or was cut short: its JSON does not end.") from error
    values = content.get("values") if isinstance(content, dict) else None
    if not isinstance(values, list):
        raise Unreadable("NO_READINGS", "The file has no list of values.")
    column = _column(content)
    if isinstance(column, Rejection):
        yield column
        return
    for item in values:
        if not isinstance(item, dict):
            yield Rejection("BAD_ROW", "A value is not an object with a timestamp.")
            continue
        value = item.get("value")
        number = value if isinstance(value, Decimal) else decimal(value) if isinstance(value, str) else None
        yield column.reading(str(item.get("timestamp")), number, str(value), None)


def _column(content: dict[str, Any]) -> "_Column | Rejection":
    resource = _RESOURCE.fullmatch(str(content.get("resource")))
    if resource is None:
        return Rejection("NOT_ENERGY", "The file does not say that it is of electricity or gas.")
    step = _STEPS.get(str(content.get("granularity")))
    if step is None:
        return Rejection("BAD_INTERVAL", "The granularity is neither a half hour nor an hour.")
    unit = {"kwh": "kWh", "m3": "m3"}.get(str(content.get("unit")).lower())
    commodity = Commodity.ELECTRICITY if resource[1] == "electricity" else Commodity.GAS
    if unit is None or (commodity is Commodity.ELECTRICITY and unit != "kWh"):
        return Rejection("UNIT_MISMATCH", f"The unit {shown(str(content.get('unit')))!r} does not fit {resource[1]}.")
    heat = content.get("calorificValue")
    if unit == "m3" and isinstance(heat, Decimal):
        if not CALORIFIC_VALUES[0] <= heat <= CALORIFIC_VALUES[1]:
            return Rejection("BAD_CALORIFIC_VALUE", "The calorific value is not one of natural gas in MJ/m3.")
        return _Column(commodity, _direction(resource[2]), "kWh", step, VOLUME_CORRECTION * heat / Decimal("3.6"))
    return _Column(commodity, _direction(resource[2]), unit, step)


class _Column:
    """What the values of a file are."""

    def __init__(
        self, commodity: Commodity, direction: Direction, unit: str, step: timedelta, scale: Decimal | None = None
    ) -> None:
        self.commodity, self.direction, self.unit, self.step, self.scale = commodity, direction, unit, step, scale

    def reading(self, stamp: str, value: Decimal | None, written: str, line: int | None) -> Reading | Rejection:
        end = moment(stamp)
        if end is None:
            return Rejection("BAD_TIME", f"The stamp is no moment that exists: {shown(stamp)!r}.", line=line)
        if value is None:
            text = f"The value is not a number: {shown(written)!r}."
            return Rejection("NOT_A_NUMBER", text, line=line, record=shown(stamp))
        end = end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
        return Reading(
            source="n3rgy",
            register=f"{self.commodity.lower()} {'out' if self.direction is Direction.EXPORT else 'in'}",
            start=end - self.step,
            end=end,
            value=value if self.scale is None else round(value * self.scale, 9),
            unit=self.unit,
            direction=self.direction,
            commodity=self.commodity,
            line=line,
        )


def _direction(kind: str) -> Direction:
    return Direction.EXPORT if kind == "production" else Direction.IMPORT


def _nothing(_text: str) -> None:
    """NaN and the infinities, which JSON does not have."""
    return None


READER = N3rgyReader()
