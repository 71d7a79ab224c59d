"""NEM12 and NEM13, the meter data files of the Australian electricity market (AEMO, MDFF specification).

Rows: 100 header, 200 one register and its interval length, 300 one day of values, 400 the quality of parts of that day,
250 an accumulated reading (NEM13), 900 end. All times are UTC+10, all year and in every State.

The rows are read here: nemreader 0.9.2 keeps a whole file in memory, has no line numbers, and is
silent about what must be told (it takes NaN, adds a day that is given twice, keeps the first 48 of 96 values, drops
short days). Registers E (and NEM13 direction E) are taken from the grid, B (I) are sent out; all others are no energy.
A quality of N means that there is no reading. A value was told when its row was updated, else when the file was made.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

from domain.footprint.model import Direction, Reading, Rejection
from domain.text import shown
from infra.capture.text import head_text, rows

NEM_TIME = timezone(timedelta(hours=10))
MINUTES_A_DAY = 1_440

_FIRST_ROW = re.compile(r"(100,NEM1[23]|200,|250,)")
_VALUE = re.compile(r"[+-]?(\d{1,18}(\.\d{0,12})?|\.\d{1,12})", re.ASCII)
_QUALITY = re.compile(r"[AEFNSV]\d{0,2}", re.ASCII)
_UNITS = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh"}


class _Register:
    """A 200 row: the register that the following 300 rows belong to."""

    def __init__(self, row: list[str]) -> None:
        self.meter = row[1].strip()
        self.name = (row[4] or row[3]).strip().upper()
        self.unit = _UNITS.get(row[7].strip().lower(), "")
        minutes = row[8].strip()
        self.minutes = int(minutes) if minutes.isascii() and minutes.isdecimal() and len(minutes) < 5 else 0
        self.direction = {"E": Direction.IMPORT, "B": Direction.EXPORT}.get(self.name[:1])

    @property
    def has_energy(self) -> bool:
        return self.direction is not None and self.unit != ""

    @property
    def has_intervals(self) -> bool:
        return 0 < self.minutes <= MINUTES_A_DAY and MINUTES_A_DAY % self.minutes == 0


class _Day:
    """A 300 row whose quality may still be told by 400 rows."""

    def __init__(
        self,
        register: _Register,
        start: datetime,
        values: list[Decimal],
        quality: str,
        told_at: datetime | None,
        line: int,
    ) -> None:
        self.register = register
        self.start = start
        self.values = values
        self.qualities = [quality] * len(values)
        self.told_at = told_at
        self.line = line

    def readings(self) -> Iterator[Reading]:
        register = self.register
        assert register.direction is not None
        step = timedelta(minutes=register.minutes)
        for number, (value, quality) in enumerate(zip(self.values, self.qualities, strict=True)):
            if quality.startswith("N"):
                continue
            start = self.start + number * step
            yield Reading(
                source=register.meter,
                register=register.name,
                start=start,
                end=start + step,
                value=value,
                unit=register.unit,
                direction=register.direction,
                quality=quality,
                line=self.line,
                told_at=self.told_at,
            )


class _File:
    """The state between rows: when the file was made, the register and the day that are open."""

    def __init__(self) -> None:
        self.made_at: datetime | None = None
        self.register: _Register | None = None
        self.day: _Day | None = None

    def row(self, row: list[str], line: int) -> Iterator[Reading | Rejection]:
        kind = row[0]
        if kind == "400":
            yield from self._quality(row, line)
            return
        yield from self.close_day()
        if kind == "100":
            self.made_at = _moment(f"{row[2].strip()}00") if len(row) > 2 else None
        elif kind == "200":
            yield from self._open_register(row, line)
        elif kind == "300":
            yield from self._open_day(row, line)
        elif kind == "250":
            yield _accumulated(row, self.made_at, line)

    def close_day(self) -> Iterator[Reading]:
        if self.day is not None:
            yield from self.day.readings()
            self.day = None

    def _open_register(self, row: list[str], line: int) -> Iterator[Rejection]:
        self.register = None
        if len(row) < 9:
            yield Rejection("BAD_ROW", "A 200 row has fewer than 9 fields.", line=line)
            return
        register = _Register(row)
        if not register.has_energy:
            yield Rejection(
                "NOT_ENERGY",
                "The register is not of energy taken or sent out in Wh, kWh or MWh.",
                line=line,
                record=shown(f"{register.meter} {register.name}"),
            )
        elif not register.has_intervals:
            yield Rejection("BAD_INTERVAL", f"Intervals of {shown(row[8])} minutes do not fill a day.", line=line)
        else:
            self.register = register
            return
        self.register = None

    def _open_day(self, row: list[str], line: int) -> Iterator[Rejection]:
        if self.register is None:
            return
        count = MINUTES_A_DAY // self.register.minutes
        quality = row[count + 2].strip() if len(row) > count + 2 else ""
        start = _day(row[1]) if len(row) > 1 else None
        texts = [text.strip() for text in row[2 : count + 2]]
        if start is None:
            yield Rejection("BAD_DATE", "A 300 row has no day that exists.", line=line)
        elif not _QUALITY.fullmatch(quality):
            yield Rejection(
                "WRONG_VALUE_COUNT",
                f"The day does not have the {count} values that intervals of {self.register.minutes} minutes give.",
                line=line,
            )
        elif not all(_VALUE.fullmatch(text) for text in texts):
            bad = next(text for text in texts if not _VALUE.fullmatch(text))
            yield Rejection("NOT_A_NUMBER", f"The day has a value that is not a number: {shown(bad)!r}.", line=line)
        else:
            updated = _moment(row[count + 5]) if len(row) > count + 5 else None
            values = [Decimal(text) for text in texts]
            self.day = _Day(self.register, start, values, quality, updated or self.made_at, line)

    def _quality(self, row: list[str], line: int) -> Iterator[Rejection]:
        """Applies a 400 row: first and last interval, counted from 1, and their quality."""
        if self.day is None:
            return
        texts = [text.strip() for text in row[1:4]]
        if len(texts) == 3 and all(text.isascii() and text.isdecimal() for text in texts[:2]):
            first, last = int(texts[0]), int(texts[1])
            if 1 <= first <= last <= len(self.day.qualities) and _QUALITY.fullmatch(texts[2]):
                self.day.qualities[first - 1 : last] = [texts[2]] * (last - first + 1)
                return
        yield Rejection("BAD_ROW", "A 400 row names intervals that the day does not have, or no quality.", line=line)


def _accumulated(row: list[str], made_at: datetime | None, line: int) -> Reading | Rejection:
    """A 250 row: what a register counted between two dates. Direction E is energy taken, I is energy sent out."""
    if len(row) < 20:
        return Rejection("BAD_ROW", "A 250 row has fewer than 20 fields.", line=line)
    start, end = _moment(row[9]), _moment(row[14])
    direction = {"E": Direction.IMPORT, "I": Direction.EXPORT}.get(row[7].strip().upper())
    unit, value = _UNITS.get(row[19].strip().lower(), ""), row[18].strip()
    if start is None or end is None:
        return Rejection("BAD_DATE", "A 250 row has no date that exists.", line=line)
    if direction is None or not unit:
        return Rejection("NOT_ENERGY", "The register is not of energy taken or sent out in Wh, kWh or MWh.", line=line)
    if not _VALUE.fullmatch(value):
        return Rejection("NOT_A_NUMBER", f"The quantity is not a number: {shown(value)!r}.", line=line)
    return Reading(
        source=row[1].strip(),
        register=(row[4] or row[3]).strip().upper(),
        start=start,
        end=end,
        value=Decimal(value),
        unit=unit,
        direction=direction,
        quality=row[15].strip(),
        line=line,
        told_at=(_moment(row[21]) if len(row) > 21 else None) or made_at,
    )


def _day(text: str) -> datetime | None:
    return _moment(text.strip() + "000000") if len(text.strip()) == 8 else None


def _moment(text: str) -> datetime | None:
    digits = text.strip()
    if len(digits) != 14 or not (digits.isascii() and digits.isdecimal()):
        return None
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=NEM_TIME)
    except ValueError:
        return None


class Nem12Reader:
    name = "NEM12"
    description = "NEM12 and NEM13, the interval and accumulation data that Australian electricity distributors send."
    file_kinds = (".csv", ".zip")

    def recognises(self, head: bytes) -> bool:
        return _FIRST_ROW.match(head_text(head)) is not None

    def read(self, path: Path) -> Iterator[Reading | Rejection]:
        state = _File()
        first = last = ""
        for line, row in rows(path):
            first, last = first or row[0], row[0]
            yield from state.row(row, line.number)
        yield from state.close_day()
        if first != "100":
            yield Rejection("NO_HEADER", "The file has no header row (100).", note=True)
        if last != "900":
            yield Rejection("NO_END", "The file has no end row (900): it may have been cut short.", note=True)


READER = Nem12Reader()
