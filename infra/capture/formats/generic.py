"""The format of our own, for whatever has none: CSV with a header, or one JSON object a line, with the same names.

    source,register,start,end,value,unit,direction,quality
    meter-1,E1,2026-03-29T00:00:00Z,2026-03-29T00:30:00Z,0.25,kWh,import,A

    {"source": "meter-1", "register": "E1", "start": "...", "end": "...", "value": 0.25, "unit": "kWh"}

`docs/capture.md` explains the columns. Times must say their offset from UTC: without one the two hours of an autumn
night cannot be told apart. Columns come in any order; `direction`, `quality`, `commodity` and `told` may be left out.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.text import shown
from infra.capture.reader import Unreadable
from infra.capture.text import decimal, head_text, lines, moment, rows

REQUIRED = ("source", "register", "start", "end", "value", "unit")
OPTIONAL = ("direction", "quality", "commodity", "told")
_UNITS = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "w": "W", "m3": "m3", "ft3": "ft3", "therm": "therm", "l": "L"}
_BY_UNIT = {"therm": Commodity.GAS, "ft3": Commodity.GAS, "L": Commodity.WATER}
_ENERGY = frozenset({"Wh", "kWh", "MWh", "W"})


class GenericReader:
    name = "GENERIC"
    description = "Gramme's own CSV or JSON lines for readings of any meter; docs/capture.md has the columns."
    file_kinds = (".csv", ".jsonl", ".zip")

    def recognises(self, head: bytes) -> bool:
        first = head_text(head).partition("\n")[0].strip()
        if first.startswith("{"):
            return all(f'"{name}"' in first for name in REQUIRED)
        return set(REQUIRED) <= {name.strip().lower() for name in first.split(",")}

    def read(self, path: Path) -> Iterator[Reading | Rejection]:
        with path.open("rb") as file:
            is_json = head_text(file.read(64)).startswith("{")
        return _of_json_lines(path) if is_json else _of_csv(path)


def _of_csv(path: Path) -> Iterator[Reading | Rejection]:
    found = rows(path)
    _line, header = next(found)
    names = [name.lower() for name in header]
    if len(set(names)) != len(names):
        raise Unreadable("BAD_HEADER", "The header names a column twice.")
    if not set(names) <= {*REQUIRED, *OPTIONAL}:
        unknown = ", ".join(shown(name) for name in names if name not in {*REQUIRED, *OPTIONAL})
        raise Unreadable("BAD_HEADER", f"The header has columns that this format does not know: {unknown}.")
    for line, fields in found:
        if len(fields) != len(names):
            text = f"The row has {len(fields)} fields, the header {len(names)}."
            yield Rejection("BAD_ROW", text, line=line.number)
        elif not line.is_whole and names[-1] in {"value", "end", "start"}:
            yield Rejection("NO_END", "The last row has no line end: it may be cut.", line=line.number)
        else:
            yield _reading(dict(zip(names, fields, strict=True)), line.number)


def _of_json_lines(path: Path) -> Iterator[Reading | Rejection]:
    for line in lines(path):
        try:
            item = json.loads(line.text, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            item = None
        if isinstance(item, dict):
            yield _reading({name: value for name, value in item.items() if isinstance(value, str)}, line.number)
        else:
            yield Rejection("BAD_ROW", "The line is not a JSON object.", line=line.number)


def _reading(fields: Mapping[str, str], line: int) -> Reading | Rejection:
    missing = next((name for name in REQUIRED if not fields.get(name)), None)
    if missing:
        return Rejection("BAD_ROW", f"The record has no {missing}.", line=line)
    start, end, told_at = (_aware(fields.get(name, "")) for name in ("start", "end", "told"))
    value, unit = decimal(fields["value"]), _UNITS.get(fields["unit"].lower())
    if start is None or end is None:
        return Rejection("BAD_TIME", "Start and end must be moments such as 2026-03-29T00:30:00Z.", line=line)
    if told_at is None and fields.get("told"):
        return Rejection("BAD_TIME", "`told` must be a moment such as 2026-03-29T00:30:00Z.", line=line)
    if value is None:
        return Rejection("NOT_A_NUMBER", f"The value is not a number: {shown(fields['value'])!r}.", line=line)
    if unit is None:
        return Rejection("UNKNOWN_UNIT", f"The unit is not known: {shown(fields['unit'])!r}.", line=line)
    direction = _direction(fields.get("direction") or "import")
    if direction is None:
        return Rejection("BAD_ROW", "The direction is neither import, export nor net.", line=line)
    commodity = _commodity(fields.get("commodity", ""), unit)
    if commodity is None:
        return Rejection("UNIT_MISMATCH", f"The unit {unit} needs a commodity that it fits.", line=line)
    return Reading(
        source=fields["source"],
        register=fields["register"],
        start=start,
        end=end,
        value=value,
        unit=unit,
        direction=direction,
        commodity=commodity,
        quality=shown(fields.get("quality", ""))[:8],
        line=line,
        told_at=told_at,
    )


def _aware(text: str) -> datetime | None:
    found = moment(text)
    return found if found is not None and found.tzinfo is not None else None


def _direction(text: str) -> Direction | None:
    return Direction(text.upper()) if text.upper() in Direction.__members__ else None


def _commodity(text: str, unit: str) -> Commodity | None:
    """As named, or as the unit alone tells; None where neither says it or they contradict each other."""
    if not text:
        return Commodity.ELECTRICITY if unit in _ENERGY else _BY_UNIT.get(unit)
    if text.upper() not in Commodity.__members__:
        return None
    named = Commodity(text.upper())
    fits = {
        Commodity.ELECTRICITY: unit in _ENERGY,
        Commodity.GAS: unit != "L" and unit != "W",
        Commodity.WATER: unit in {"m3", "L", "ft3"},
    }
    return named if fits[named] else None


READER = GenericReader()
