"""What a file says twice and what it leaves out: repeats, overlaps, second views of one energy, gaps, stated totals."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from domain.footprint.intervals import without_overlaps
from domain.footprint.model import Rejection
from domain.footprint.records import StatedTotal
from domain.footprint.units import convert, plain
from domain.footprint.verdict import Counter, Register, Verdict, moment_text, shown_reading


def in_order(register: Register) -> Sequence[int]:
    """Indices by start, then end, then place in the file."""
    starts, ends = register.starts, register.ends
    if all(starts[index] < starts[index + 1] for index in range(len(starts) - 1)):
        return range(len(starts))
    return sorted(sorted(range(len(starts)), key=ends.__getitem__), key=starts.__getitem__)


def without_repeats(register: Register, order: Sequence[int], verdict: Verdict) -> Sequence[int]:
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
            earlier, later = sorted((kept[-1], index), key=lambda at: (register.told[at], at))
            kept[-1] = later
            verdict.refuse(
                Rejection(
                    "REPLACED",
                    f"The file gives this interval twice: {plain(register.values[later])} {register.unit}, which comes "
                    f"later, holds instead of {plain(register.values[earlier])} {register.unit}.",
                    line=register.lines[earlier] or None,
                    record=shown_reading(register, earlier),
                )
            )
    return kept


def once(register: Register, indices: Sequence[int], verdict: Verdict) -> Sequence[int]:
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
                    record=shown_reading(register, island[position]),
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


def note_gaps(register: Register, accepted: Sequence[int], verdict: Verdict) -> None:
    for before, after in pairwise(accepted):
        if register.starts[after] > register.ends[before]:
            missing = (register.starts[after] - register.ends[before]) / 3600
            verdict.reject(
                Rejection(
                    "GAP",
                    f"No reading from {moment_text(register.ends[before])} to {moment_text(register.starts[after])} "
                    f"({missing:g} h).",
                    record=f"{register.meter} {register.register}",
                    note=True,
                )
            )


def moments_once(counter: Counter, verdict: Verdict) -> Sequence[int]:
    """One index for each moment, by time; of two values for one the later in the file holds."""
    kept: list[int] = []
    for index in sorted(range(len(counter.moments)), key=counter.moments.__getitem__):
        if not kept or counter.moments[kept[-1]] != counter.moments[index]:
            kept.append(index)
        elif counter.values[kept[-1]] == counter.values[index]:
            verdict.duplicate += 1
        else:
            earlier, kept[-1] = kept[-1], index
            verdict.refuse(
                Rejection(
                    "REPLACED",
                    "The file shows this register twice for one moment: the value that comes later holds.",
                    line=counter.lines[earlier] or None,
                    record=f"{counter.meter} {counter.register} {moment_text(counter.moments[index])}",
                )
            )
    return kept


def compare(stated: StatedTotal, verdict: Verdict) -> None:
    """Notes where the readings that fill the time of a stated total add up to something else."""
    start, end = int(stated.start.timestamp()), int(stated.end.timestamp())
    for register, indices in verdict.kept:
        if (register.meter, register.register) != (stated.source, stated.register) or start >= end:
            continue
        first = bisect_left(indices, start, key=register.starts.__getitem__)
        last = bisect_left(indices, end, key=register.starts.__getitem__)
        within = indices[first:last]
        if sum(register.ends[index] - register.starts[index] for index in within) != end - start:
            continue
        total = sum((register.values[index] for index in within), Decimal(0))
        value = convert(stated.value, stated.unit, register.unit)
        if total != value:
            verdict.reject(
                Rejection(
                    "TOTAL_DIFFERS",
                    f"The file itself states {plain(value)} {register.unit} from {moment_text(start)} to "
                    f"{moment_text(end)}; its readings add up to {plain(total)}.",
                    record=f"{register.meter} {register.register}",
                    note=True,
                )
            )


def refuse_second_view(register: Register, verdict: Verdict) -> None:
    for index in range(len(register.values)):
        verdict.refuse(
            Rejection(
                "SECOND_VIEW",
                "The net of use and export is the same energy as the use, which this file has as well.",
                line=register.lines[index] or None,
                record=shown_reading(register, index),
            )
        )
