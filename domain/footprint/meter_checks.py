"""How meter readings are judged, whatever format they came in; `checks.py` is the way in.

Within one register an interval counts once: equal repeats are duplicates, of two different values the one told later
holds, and of a day and its hours the hours hold where they fill it. A value below zero is an error in a register of use
or of export, and export in a net register. What no meter of a home or a shop can measure is refused; what no household
uses is kept and marked. What a counter showed becomes intervals by differences. Gaps are named, never filled.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from domain.footprint.counters import counted_between, look
from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.records import CounterReading, StatedTotal
from domain.footprint.repeats import (
    compare,
    in_order,
    moments_once,
    note_gaps,
    once,
    refuse_second_view,
    without_repeats,
)
from domain.footprint.spreading import LONGEST_DAY
from domain.footprint.units import convert, has_places, plain
from domain.footprint.verdict import (
    DECIMAL_PLACES_MAX,
    EARLIEST,
    FUTURE_GRACE,
    Counter,
    Register,
    Verdict,
    shown_reading,
)
from domain.text import shown

INTERVAL_MAX_SECONDS = 400 * 86_400
REGISTERS_MAX = 100
SPREAD_DAYS_MAX = 20_000
"""Days of long readings in a file, of which each becomes an activity: the bills of five meters in eleven years."""
HOUSEHOLD_MAX_KW = 100
"""Mean power over an interval. The largest house connections carry about this much; more waits for its owner."""
METER_MAX_KW = 10_000
COUNTER_MAX = 10**9
STATED_MAX = 1_000

_CANONICAL_UNITS = {"Wh": "kWh", "kWh": "kWh", "MWh": "kWh", "W": "kWh", "therm": "therm", "m3": "m3", "ft3": "scf"}
_WATER_UNITS = frozenset({"m3", "L", "ft3", "gal_us"})
_KWS_PER_UNIT = {"kWh": Decimal(3600), "therm": Decimal(105_480), "m3": Decimal(39_600), "scf": Decimal(1_116)}
"""Kilowatt seconds by rough heat values (29.3 kWh a therm, 11 a m3, 0.31 a ft3), for the bounds above only.

Of m3 of water too: 9 m3 an hour are what a house's pipe carries.
"""
_LONG_SECONDS = int(LONGEST_DAY.total_seconds())
_EARLIEST_SECONDS = int(EARLIEST.timestamp())
_NAME = re.compile(r"[ -~]{1,200}")
_SEVERAL_MEANINGS = (
    "REGISTER_CONFLICT",
    "The register has another unit, direction or kind of energy in earlier readings of this file.",
)


class MeterBench:
    """Takes a file's readings one by one; `now` is when the file came."""

    def __init__(self, now: datetime) -> None:
        self._now = int(now.timestamp())
        self._latest = int((now + FUTURE_GRACE).timestamp())
        self._registers: dict[tuple[str, str], Register] = {}
        self._counters: dict[tuple[str, str], Counter] = {}
        self._stated: list[StatedTotal] = []
        self._spread_days = 0

    def take(self, item: Reading | CounterReading, verdict: Verdict) -> None:
        fault = self._keep(item) if isinstance(item, Reading) else self._keep_counter(item)
        if fault is not None:
            code, reason = fault
            verdict.refuse(Rejection(code, reason, line=item.line, record=_described(item)))

    def compare_with(self, stated: StatedTotal) -> None:
        """Remembers a total that the file states, to compare the readings with at the end."""
        if len(self._stated) < STATED_MAX:
            self._stated.append(stated)

    def _keep(self, reading: Reading, *, is_derived: bool = False) -> tuple[str, str] | None:
        """Stores the reading, or says what is wrong with it."""
        key = (reading.source, reading.register)
        register = self._registers.get(key)
        start, end = int(reading.start.timestamp()), int(reading.end.timestamp())
        fault = (_name_fault(reading) if register is None else None) or self._time_fault(start, end)
        if fault:
            return fault
        unit = _canonical_unit(reading)
        if unit is None:
            return "UNKNOWN_UNIT", "The unit of this reading is not one of energy, gas or water."
        if not reading.value.is_finite():
            return "NOT_A_NUMBER", "The value is not a number."
        value = _canonical_value(reading, unit, end - start)
        if value < 0 and reading.direction is not Direction.NET:
            return "NEGATIVE", f"The value {plain(value)} {unit} is below zero in a register that only counts up."
        kilowatt_seconds = abs(value) * _KWS_PER_UNIT[unit]
        is_implausible = kilowatt_seconds > HOUSEHOLD_MAX_KW * (end - start)
        if is_implausible and kilowatt_seconds > METER_MAX_KW * (end - start):
            return "ABSURD_VALUE", "No meter of a home or a shop measures that much in this time."
        if not has_places(value, DECIMAL_PLACES_MAX):
            return "TOO_PRECISE", f"The value has more than {DECIMAL_PLACES_MAX} decimal places."
        if register is None:
            if len(self._registers) >= REGISTERS_MAX:
                return "TOO_MANY_REGISTERS", f"A file may hold at most {REGISTERS_MAX} registers."
            register = Register(*key, reading.commodity, reading.direction, unit, is_derived=is_derived)
            self._registers[key] = register
        if (register.commodity, register.direction, register.unit) != (reading.commodity, reading.direction, unit):
            return _SEVERAL_MEANINGS
        register.starts.append(start)
        register.ends.append(end)
        register.values.append(value)
        register.implausible.append(is_implausible)
        register.lines.append(reading.line or 0)
        register.told.append(min(self._now, int(reading.told_at.timestamp())) if reading.told_at else self._now)
        return None

    def _keep_counter(self, reading: CounterReading) -> tuple[str, str] | None:
        """Stores what a counter showed, or says what is wrong with it."""
        fault = _name_fault(reading)
        if fault:
            return fault
        unit = _canonical_unit(reading)
        if unit is None or reading.unit == "W":
            return "UNKNOWN_UNIT", "The unit of this reading is not one of energy, gas or water."
        if not reading.value.is_finite():
            return "NOT_A_NUMBER", "The value is not a number."
        value = convert(reading.value, reading.unit, unit)
        if value < 0 or value > COUNTER_MAX or not has_places(value, DECIMAL_PLACES_MAX):
            return "ABSURD_VALUE", "No meter shows such a number."
        moment = int(reading.at.timestamp()) if reading.at else self._now
        if not EARLIEST.timestamp() <= moment <= self._latest:
            return "BAD_TIME", f"The reading is of before {EARLIEST.year} or of the future."
        key = (reading.source, reading.register)
        counter = self._counters.get(key)
        if counter is None:
            if len(self._counters) >= REGISTERS_MAX:
                return "TOO_MANY_REGISTERS", f"A file may hold at most {REGISTERS_MAX} registers."
            modulus = convert(reading.modulus, reading.unit, unit) if reading.modulus else None
            counter = Counter(*key, reading.commodity, reading.direction, unit, modulus)
            self._counters[key] = counter
        if (counter.commodity, counter.direction, counter.unit) != (reading.commodity, reading.direction, unit):
            return _SEVERAL_MEANINGS
        counter.moments.append(moment)
        counter.arrived.append(reading.at is None)
        counter.values.append(value)
        counter.lines.append(reading.line or 0)
        return None

    def _time_fault(self, start: int, end: int) -> tuple[str, str] | None:
        if end <= start or end - start > INTERVAL_MAX_SECONDS:
            return "BAD_INTERVAL", "The interval has no length, or one of more than 400 days."
        if start < _EARLIEST_SECONDS:
            return "BAD_TIME", f"The interval lies before {EARLIEST.year}."
        if end > self._latest:
            return "BAD_TIME", "The interval lies in the future."
        return None

    def close(self, verdict: Verdict) -> None:
        """Sorts out repeats and overlaps and names the gaps. Called once, after the last reading."""
        for counter in self._counters.values():
            self._difference(counter, verdict)
        single = [counter for counter, indices in verdict.counters if len(indices) == 1]
        if single:
            names = ", ".join(f"{counter.meter} {counter.register}" for counter in single)
            text = "One reading of a register is no interval: use is the difference to one sent before or later."
            verdict.reject(Rejection("NO_INTERVAL", text, record=names[:200], note=True))
        used = {(register.meter, register.commodity) for register in self._of(Direction.IMPORT)}
        for register in self._registers.values():
            if register.direction is Direction.NET and (register.meter, register.commodity) in used:
                refuse_second_view(register, verdict)
                continue
            indices = without_repeats(register, in_order(register), verdict)
            accepted = self._bounded(register, once(register, indices, verdict), verdict)
            verdict.kept.append((register, accepted))
            note_gaps(register, accepted, verdict)
            if any(register.implausible[index] for index in accepted):
                verdict.reject(
                    Rejection(
                        "IMPLAUSIBLE",
                        f"Some readings are above {HOUSEHOLD_MAX_KW} kW, more than a household uses: their days wait "
                        "for you to confirm them. Check the unit of the file.",
                        record=f"{register.meter} {register.register}",
                        note=True,
                    )
                )
        for stated in self._stated:
            compare(stated, verdict)

    def _bounded(self, register: Register, indices: Sequence[int], verdict: Verdict) -> Sequence[int]:
        """Without the long readings that come after those that cover `SPREAD_DAYS_MAX` days."""
        ends, starts = register.ends, register.starts
        beyond = set()
        for index in indices:
            if ends[index] - starts[index] <= _LONG_SECONDS:
                continue
            self._spread_days += (ends[index] - starts[index]) // 86_400
            if self._spread_days > SPREAD_DAYS_MAX:
                beyond.add(index)
                text = f"The readings over more than a day in one file may cover {SPREAD_DAYS_MAX:,} days."
                line = register.lines[index] or None
                verdict.refuse(Rejection("TOO_MANY_DAYS", text, line=line, record=shown_reading(register, index)))
        return [index for index in indices if index not in beyond] if beyond else indices

    def _difference(self, counter: Counter, verdict: Verdict) -> None:
        """Makes the intervals between what the counter showed; one look alone is none."""
        indices = moments_once(counter, verdict)
        verdict.counters.append((counter, indices))
        for before, after in pairwise(indices):
            interval = counted_between(counter, look(counter, before), look(counter, after))
            if isinstance(interval, Rejection):
                verdict.reject(interval)
                continue
            fault = self._keep(interval, is_derived=True)
            if fault is not None:
                verdict.reject(Rejection(*fault, record=_described(interval), note=True))

    def _of(self, direction: Direction) -> Iterator[Register]:
        return (register for register in self._registers.values() if register.direction is direction)


def _name_fault(reading: Reading | CounterReading) -> tuple[str, str] | None:
    if _NAME.fullmatch(reading.source) and _NAME.fullmatch(reading.register):
        return None
    return "BAD_NAME", "The name of the meter or register is empty, too long, or cannot be read."


def _canonical_unit(reading: Reading | CounterReading) -> str | None:
    if reading.commodity is Commodity.WATER:
        return "m3" if reading.unit in _WATER_UNITS else None
    unit = _CANONICAL_UNITS.get(reading.unit)
    is_energy = unit in {None, "kWh"}
    return unit if is_energy or reading.commodity is Commodity.GAS else None


def _canonical_value(reading: Reading, unit: str, seconds: int) -> Decimal:
    if reading.unit == unit:
        return reading.value
    if reading.unit == "W":
        return convert(reading.value * seconds / 3600, "Wh", unit)
    return convert(reading.value, reading.unit, unit)


def _described(reading: Reading | CounterReading) -> str:
    """The reading's own name where it has one, else its time; only what can be shown and stored."""
    moment = reading.start if isinstance(reading, Reading) else reading.at
    name = reading.record if isinstance(reading, Reading) else ""
    return shown(name or f"{reading.source} {reading.register} {moment.isoformat() if moment else ''}".strip(), 200)
