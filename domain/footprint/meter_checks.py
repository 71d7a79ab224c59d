"""How meter readings are judged, whatever format they came in; `checks.py` is the way in.

Within one register an interval counts once: equal repeats are duplicates, of two different values the later in the file
holds, and of a day and its hours the hours hold where they fill it. A value below zero is an error in a register of use
or of export, and export in a net register. What no meter of a home or a shop can measure is refused; what no household
uses is kept and marked. Gaps are named, never filled.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from domain.footprint.model import Commodity, Direction, Reading, Rejection
from domain.footprint.units import convert, plain
from domain.footprint.verdict import EARLIEST, FUTURE_GRACE, Interval, Register, Verdict

INTERVAL_MAX_SECONDS = 400 * 86_400
REGISTERS_MAX = 100
HOUSEHOLD_MAX_KW = 100
"""Mean power over an interval. The largest house connections carry about this much; more waits for its owner."""
METER_MAX_KW = 10_000
DECIMAL_PLACES_MAX = 12
NESTING_MAX = 4

_CANONICAL_UNITS = {"Wh": "kWh", "kWh": "kWh", "MWh": "kWh", "W": "kWh", "therm": "therm", "m3": "m3", "ft3": "scf"}
_KWH_PER_UNIT = {"kWh": Decimal(1), "therm": Decimal("29.3"), "m3": Decimal(11), "scf": Decimal("0.31")}
"""Rough heat values, for the bounds above only."""
_NAME = re.compile(r"[ -~]{1,200}")


class MeterBench:
    """Takes a file's readings one by one."""

    def __init__(self, now: datetime) -> None:
        self._latest = int((now + FUTURE_GRACE).timestamp())
        self._registers: dict[tuple[str, str, Direction, Commodity, str], Register] = {}

    def take(self, reading: Reading, verdict: Verdict) -> None:
        fault = self._keep(reading)
        if fault is not None:
            code, reason = fault
            verdict.refuse(Rejection(code, reason, line=reading.line, record=_described(reading)))

    def _keep(self, reading: Reading) -> tuple[str, str] | None:
        """Stores the reading, or says what is wrong with it."""
        fault = _name_fault(reading) or self._time_fault(reading)
        if fault:
            return fault
        unit = _CANONICAL_UNITS.get(reading.unit)
        if unit is None:
            return "UNKNOWN_UNIT", "The unit of this reading is not one of energy or gas."
        start, end = int(reading.start.timestamp()), int(reading.end.timestamp())
        if not reading.value.is_finite():
            return "NOT_A_NUMBER", "The value is not a number."
        value = _canonical_value(reading, unit, end - start)
        if value < 0 and reading.direction is not Direction.NET:
            return "NEGATIVE", f"The value {plain(value)} {unit} is below zero in a register that only counts up."
        kilowatts = abs(value) * _KWH_PER_UNIT[unit] * 3600 / (end - start)
        if kilowatts > METER_MAX_KW:
            return "ABSURD_VALUE", f"More than {METER_MAX_KW} kW over the interval: no meter of a home measures that."
        exponent = value.normalize().as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -DECIMAL_PLACES_MAX:
            return "TOO_PRECISE", f"The value has more than {DECIMAL_PLACES_MAX} decimal places."
        key = (reading.source, reading.register, reading.direction, reading.commodity, unit)
        register = self._registers.get(key)
        if register is None:
            if len(self._registers) >= REGISTERS_MAX:
                return "TOO_MANY_REGISTERS", f"A file may hold at most {REGISTERS_MAX} registers."
            register = Register(reading.source, reading.register, reading.commodity, reading.direction, unit)
            self._registers[key] = register
        register.starts.append(start)
        register.ends.append(end)
        register.values.append(value)
        register.implausible.append(kilowatts > HOUSEHOLD_MAX_KW)
        register.lines.append(reading.line or 0)
        return None

    def _time_fault(self, reading: Reading) -> tuple[str, str] | None:
        seconds = (reading.end - reading.start).total_seconds()
        if seconds <= 0 or seconds > INTERVAL_MAX_SECONDS:
            return "BAD_INTERVAL", "The interval has no length, or one of more than 400 days."
        if reading.start < EARLIEST:
            return "BAD_TIME", f"The interval lies before {EARLIEST.year}."
        if reading.end.timestamp() > self._latest:
            return "BAD_TIME", "The interval lies in the future."
        return None

    def close(self, verdict: Verdict) -> None:
        """Sorts out repeats and overlaps and names the gaps. Called once, after the last reading."""
        used = {(register.meter, register.commodity) for register in self._of(Direction.IMPORT)}
        for register in self._registers.values():
            if register.direction is Direction.NET and (register.meter, register.commodity) in used:
                _refuse_second_view(register, verdict)
                continue
            indices = _without_repeats(register, _in_order(register), verdict)
            accepted = _once(register, indices, verdict)
            verdict.kept.append((register, accepted))
            _note_gaps(register, accepted, verdict)
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

    def _of(self, direction: Direction) -> Iterator[Register]:
        return (register for register in self._registers.values() if register.direction is direction)


def _refuse_second_view(register: Register, verdict: Verdict) -> None:
    for index in range(len(register.values)):
        verdict.refuse(
            Rejection(
                "SECOND_VIEW",
                "The net of use and export is the same energy as the use, which this file has as well.",
                line=register.lines[index] or None,
                record=_shown(register, index),
            )
        )


def _name_fault(reading: Reading) -> tuple[str, str] | None:
    if _NAME.fullmatch(reading.source) and _NAME.fullmatch(reading.register):
        return None
    return "BAD_NAME", "The name of the meter or register is empty, too long, or cannot be read."


def _canonical_value(reading: Reading, unit: str, seconds: int) -> Decimal:
    if reading.unit == "W":
        return convert(reading.value * seconds / 3600, "Wh", unit)
    return convert(reading.value, reading.unit, unit)


def _in_order(register: Register) -> Sequence[int]:
    """Indices by start, then end, then place in the file."""
    starts, ends = register.starts, register.ends
    if all(starts[index] < starts[index + 1] for index in range(len(starts) - 1)):
        return range(len(starts))
    return sorted(sorted(range(len(starts)), key=ends.__getitem__), key=starts.__getitem__)


def _without_repeats(register: Register, order: Sequence[int], verdict: Verdict) -> Sequence[int]:
    """One index for each interval, in the same order."""
    if isinstance(order, range):
        return order
    kept: list[int] = []
    for index in order:
        if not kept or register.interval(kept[-1]) != register.interval(index):
            kept.append(index)
        elif register.values[kept[-1]] == register.values[index]:
            verdict.duplicate += 1
        else:
            earlier, kept[-1] = kept[-1], index
            verdict.refuse(
                Rejection(
                    "REPLACED",
                    f"The file gives this interval twice: {plain(register.values[index])} {register.unit}, which comes "
                    f"later, holds instead of {plain(register.values[earlier])} {register.unit}.",
                    line=register.lines[earlier] or None,
                    record=_shown(register, earlier),
                )
            )
    return kept


def _once(register: Register, indices: Sequence[int], verdict: Verdict) -> Sequence[int]:
    """The indices without those whose energy others hold."""
    ends, starts = register.ends, register.starts
    if all(ends[before] <= starts[after] for before, after in pairwise(indices)):
        return indices
    accepted: list[int] = []
    for island in _islands(register, indices):
        kept, dropped = without_overlaps([register.interval(index) for index in island])
        accepted.extend(island[position] for position in kept)
        for position in dropped:
            verdict.refuse(
                Rejection(
                    "OVERLAP",
                    "The interval overlaps others of the same register, which hold the same energy.",
                    line=register.lines[island[position]] or None,
                    record=_shown(register, island[position]),
                )
            )
    return accepted


def _islands(register: Register, indices: Sequence[int]) -> Iterator[list[int]]:
    """Runs of readings that touch one another's time."""
    island: list[int] = []
    reach = 0
    for index in indices:
        if island and register.starts[index] >= reach:
            yield island
            island = []
        island.append(index)
        reach = max(reach, register.ends[index])
    if island:
        yield island


def without_overlaps(intervals: Sequence[Interval]) -> tuple[list[int], list[int]]:
    """Positions to keep and to drop so that no moment counts twice; the intervals are distinct, by start.

    A longer interval gives way to the shorter ones inside where they fill it, else they give way to it. Of two that
    only cross, the one that starts later goes; crossing by a changed clock's hour is no overlap (`_meet`).
    """
    order = sorted(range(len(intervals)), key=lambda position: (intervals[position].start, -intervals[position].end))
    kept: list[int] = []
    dropped: list[int] = []
    _resolve(intervals, order, NESTING_MAX, kept, dropped)
    return kept, dropped


def _resolve(
    intervals: Sequence[Interval], order: Sequence[int], depth: int, kept: list[int], dropped: list[int]
) -> None:
    at = 0
    while at < len(order):
        outer = intervals[order[at]]
        inside: list[int] = []
        following = at + 1
        while following < len(order) and intervals[order[following]].start < outer.end:
            fits = intervals[order[following]].end <= outer.end
            if not fits and _meet(outer, intervals[order[following]]):
                break
            (inside if fits else dropped).append(order[following])
            following += 1
        inner: list[int] = []
        if inside and depth:
            lost: list[int] = []
            _resolve(intervals, inside, depth - 1, inner, lost)
            filled = sum(intervals[position].end - intervals[position].start for position in inner)
            if filled == outer.end - outer.start:
                kept.extend(inner)
                dropped.extend((order[at], *lost))
                at = following
                continue
        kept.append(order[at])
        dropped.extend(inside)
        at = following


def _meet(earlier: Interval, later: Interval) -> bool:
    """True for neighbours that cross by up to an hour and a twentieth of the shorter: a bill over a clock change."""
    shorter = min(earlier.end - earlier.start, later.end - later.start)
    return earlier.end - later.start <= min(3600, shorter // 20)


def _note_gaps(register: Register, accepted: Sequence[int], verdict: Verdict) -> None:
    for before, after in pairwise(accepted):
        if register.starts[after] > register.ends[before]:
            missing = (register.starts[after] - register.ends[before]) / 3600
            verdict.reject(
                Rejection(
                    "GAP",
                    f"No reading from {_moment(register.ends[before])} to {_moment(register.starts[after])} "
                    f"({missing:g} h).",
                    record=f"{register.meter} {register.register}",
                    note=True,
                )
            )


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(register: Register, index: int) -> str:
    return f"{register.meter} {register.register} {_moment(register.starts[index])}"


def _described(reading: Reading) -> str:
    """The reading's own name where it has one, else its time; only what can be shown and stored."""
    shown = reading.record or f"{reading.source} {reading.register} {reading.start:%Y-%m-%dT%H:%M:%SZ}"
    return "".join(letter if letter.isprintable() else "?" for letter in shown[:200])
