"""What a counter counted between two looks at it. Pure; the same for telegrams in a file and for messages of a device.

Energy is the sum of rises. A register that passes its last digit rolls over to 0. Any other fall means that counting
began anew: a device restarts at 0, so what it shows has been counted since; behind a meter's number another meter may
stand, of which only the next rise is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.footprint.model import Reading, Rejection
from domain.footprint.units import plain
from domain.footprint.verdict import Counter, moment_text

ROLL_OVER_SHARE = 100
"""A fall is a roll-over where it is short of the whole register by at most a hundredth of it."""
BURST_SECONDS = 60
"""A device tells steps, not a flow: this much time more than passed may stand behind one step."""


def rise(before: Decimal, after: Decimal, modulus: Decimal | None) -> Decimal | None:
    """What was counted, or None where the register fell and did not roll over. `modulus` follows its last number."""
    if after >= before:
        return after - before
    rolled = after + modulus - before if modulus else None
    return rolled if rolled is not None and modulus and rolled <= modulus / ROLL_OVER_SHARE else None


def was_passed(shown: Sequence[Decimal], value: Decimal) -> bool:
    """Whether a look without a time of its own is one from before: `shown` is what is known, in the order it came.

    A register only rises, so it shows nothing again that it showed before its last value, and nothing that lies between
    what it showed since it last fell: its use was counted when the later values came.
    """
    if not shown or value == shown[-1]:
        return False
    lowest = shown[-1]
    for earlier in reversed(shown):
        if earlier > lowest:
            break
        lowest = earlier
    return value in shown or lowest <= value < shown[-1]


Look = tuple[int, Decimal]
"""When a counter was looked at, seconds since 1970, and what it showed."""


def counted_between(counter: Counter, before: Look, after: Look) -> Reading | Rejection:
    """The reading that two looks at a counter give, the later one second; a note where they do not."""
    start, end = (datetime.fromtimestamp(seconds, UTC) for seconds, _value in (before, after))
    value = rise(before[1], after[1], counter.modulus)
    if value is None:
        return Rejection(
            "COUNTER_FELL",
            f"The register fell from {plain(before[1])} to {plain(after[1])} {counter.unit} at {moment_text(after[0])};"
            " the meter may have been exchanged. Counting goes on from there.",
            record=f"{counter.meter} {counter.register}",
            note=True,
        )
    return Reading(
        source=counter.meter,
        register=counter.register,
        start=start,
        end=end,
        value=value,
        unit="ft3" if counter.unit == "scf" else counter.unit,
        direction=counter.direction,
        commodity=counter.commodity,
    )


def look(counter: Counter, index: int) -> Look:
    return counter.moments[index], counter.values[index]


@dataclass(frozen=True, slots=True)
class Counted:
    """A rise of a device's counter, in kWh, between two moments."""

    start: datetime
    end: datetime
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class DeviceCounter:
    """Where a device's counter stands: `kwh` since it last began at 0, as told at `at`.

    `suspect` is a value that was refused because nothing can use so much in the time, told at `suspect_at`. Where the
    next one goes on from it, the counter did jump: it is gone on from there, and the jump is not counted.
    """

    at: datetime
    kwh: Decimal
    suspect: Decimal | None = None
    suspect_at: datetime | None = None

    def told(self, at: datetime, kwh: Decimal, max_kw: int) -> "tuple[DeviceCounter, Counted | None]":
        """The counter after a message, and what it counted. A repeated or late message changes nothing,
        and one of the same second waits for the next: counters lose nothing."""
        seconds = (at - self.at) // timedelta(seconds=1)
        if seconds <= 0:
            return self, None
        counted = kwh - self.kwh if kwh >= self.kwh else kwh
        if _is_possible(counted, seconds, max_kw):
            return DeviceCounter(at, kwh), Counted(self.at, at, counted) if counted else None
        if self.suspect is not None and self.suspect_at is not None and kwh >= self.suspect and at > self.suspect_at:
            counted = kwh - self.suspect
            if _is_possible(counted, (at - self.suspect_at) // timedelta(seconds=1), max_kw):
                return DeviceCounter(at, kwh), Counted(self.suspect_at, at, counted) if counted else None
        return DeviceCounter(self.at, self.kwh, kwh, at), None


def _is_possible(kwh: Decimal, seconds: int, max_kw: int) -> bool:
    return kwh * 3600 <= max_kw * (seconds + BURST_SECONDS)
