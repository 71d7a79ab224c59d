"""Tables of an electric car's trips, as TeslaMate, ABRP and others export them: start, end, kilometres and kWh.

There is no common format, so the columns are found by their names. The kWh are those that the car used; they came out
of a socket whose meter or charge record may count them too, which `domain/footprint/charge_draft.py` asks.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from domain.footprint.model import Rejection
from domain.footprint.records import Journey, TravelMode
from infra.capture.moments import LocalReader, moment
from infra.capture.reader import Unreadable
from infra.capture.statement import Names, number_alone
from infra.capture.tables import layout_of, read_head, rows

METRES_PER_MILE = Decimal("1609.344")
_START = ("start", "start_date", "start date", "start time", "started at", "departure")
_END = ("end", "end_date", "end date", "end time", "ended at", "arrival")
_DISTANCES = {
    "km": Decimal(1000),
    "distance": Decimal(1000),
    "distance (km)": Decimal(1000),
    "distance_km": Decimal(1000),
    "miles": METRES_PER_MILE,
    "distance (mi)": METRES_PER_MILE,
    "distance_mi": METRES_PER_MILE,
}
_ENERGY = ("kwh", "energy", "energy (kwh)", "energy_kwh", "consumption_kwh", "consumption (kwh)", "energy used (kwh)")
_CAR = ("car", "vehicle", "vehicle id", "car_id")


class EvTripReader(LocalReader):
    name = "EV_TRIPS"
    description = "Electric car trips as CSV: start, end, distance and energy, as car loggers export them."
    file_kinds = (".csv", ".zip")

    def recognises(self, head: bytes) -> bool:
        return layout_of(head, _fits) is not None

    def read(self, path: Path) -> Iterator[Journey | Rejection]:
        layout = layout_of(read_head(path), _fits)
        if layout is None:
            raise Unreadable("UNKNOWN_FORMAT", "The table has no columns of start, end, distance and energy.")
        headers, names = layout.headers, Names()
        start, end = _column(headers, _START), _column(headers, _END)
        distance, energy, car = _column(headers, tuple(_DISTANCES)), _column(headers, _ENERGY), _column(headers, _CAR)
        for line, row in rows(path, layout):
            begun, ended = moment(_cell(row, start), self.zone), moment(_cell(row, end), self.zone)
            length, kwh = number_alone(_cell(row, distance)), number_alone(_cell(row, energy))
            if begun is None or ended is None:
                yield Rejection("BAD_TIME", "The trip has no start or end that exists.", line=line)
            elif length is None or kwh is None or length < 0:
                yield Rejection("NOT_A_NUMBER", "The trip has no distance or energy.", line=line)
            else:
                source = f"EV {_cell(row, car)}".strip()[:80]
                yield Journey(
                    source=source,
                    record=names.of(source, "", begun.isoformat(), ended.isoformat()),
                    start=begun,
                    end=ended,
                    mode=TravelMode.CAR,
                    metres=length * _DISTANCES[headers[distance]],
                    line=line,
                    kwh=kwh,
                )


def _fits(headers: Sequence[str]) -> bool:
    return all(any(name in headers for name in names) for names in (_START, _END, tuple(_DISTANCES), _ENERGY))


def _column(headers: Sequence[str], names: Sequence[str]) -> int:
    return next((headers.index(name) for name in names if name in headers), -1)


def _cell(row: Sequence[str], column: int) -> str:
    return row[column].strip() if 0 <= column < len(row) else ""


READER = EvTripReader()
