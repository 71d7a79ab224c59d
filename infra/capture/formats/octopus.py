"""The half-hourly consumption that Octopus Energy's customers download as CSV.

    Consumption (kWh), Start, End
    0.24400000000000000000, 2013-10-26T00:00:00+01:00, 2013-10-26T00:30:00+01:00

A space after each comma, times with the local offset, so that both half hours of a repeated clock hour are told apart.
Newer files have cost columns between, run newest first, and leave out half hours without consumption. The file names
neither meter nor kind: kWh is taken as electricity and said so, m3 is gas.
"""

from collections.abc import Iterator
from pathlib import Path

from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.text import shown
from infra.capture.text import Line, decimal, head_text, moment, rows

_COMMODITIES = {"kwh": Commodity.ELECTRICITY, "m3": Commodity.GAS, "m³": Commodity.GAS}
_UNITS = {"kwh": "kWh", "m3": "m3", "m³": "m3"}


class OctopusReader:
    name = "OCTOPUS"
    description = "Half-hourly consumption that Octopus Energy (UK) offers as CSV, electricity in kWh or gas in m3."
    file_kinds = (".csv", ".zip")

    def recognises(self, head: bytes) -> bool:
        first = [name.strip() for name in head_text(head).partition("\n")[0].lower().split(",")]
        return first[0].startswith("consumption (") and first[-2:] == ["start", "end"]

    def read(self, path: Path) -> Iterator[Reading | Rejection]:
        found = rows(path)
        _line, header = next(found)
        unit = header[0].lower().removeprefix("consumption (").removesuffix(")")
        if unit not in _UNITS:
            yield Rejection("UNKNOWN_UNIT", f"The column says {shown(header[0])!r}: neither kWh nor m3.", line=1)
            return
        if unit == "kwh":
            yield Rejection(
                "KIND_UNKNOWN", "The file does not say of what it counts kWh: taken as electricity used.", note=True
            )
        for line, fields in found:
            yield _reading(line, fields, len(header), unit)


def _reading(line: Line, fields: list[str], columns: int, unit: str) -> Reading | Rejection:
    if len(fields) != columns:
        return Rejection("BAD_ROW", f"The row has {len(fields)} fields, the header {columns}.", line=line.number)
    value, start, end = decimal(fields[0]), moment(fields[-2]), moment(fields[-1])
    if value is None:
        return Rejection("NOT_A_NUMBER", f"The value is not a number: {shown(fields[0])!r}.", line=line.number)
    if start is None or end is None:
        return Rejection("BAD_TIME", "Start or end is no moment that exists.", line=line.number)
    if start.tzinfo is None or end.tzinfo is None:
        return Rejection("NO_ZONE", "Start and end do not say their offset from UTC.", line=line.number)
    return Reading(
        source="Octopus",
        register=_COMMODITIES[unit].lower(),
        start=start,
        end=end,
        value=value,
        unit=_UNITS[unit],
        direction=Direction.IMPORT,
        commodity=_COMMODITIES[unit],
        line=line.number,
    )


READER = OctopusReader()
