"""What a file came to, and the judged readings and records in it.

A file may hold a million readings, so they are kept in flat arrays, about 150 bytes each, and looked at in place.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from domain.footprint.captured import Captured
from domain.footprint.model import Commodity, Direction, Rejection

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
FUTURE_GRACE = timedelta(days=1)
"""Some exports label local time as UTC, which puts today's last hours up to a day ahead."""
DECIMAL_PLACES_MAX = 12
"""What the tables keep."""
KEPT_REJECTIONS_MAX = 1_000
KEPT_NOTES_MAX = 100


class Interval(NamedTuple):
    """Seconds since 1970, UTC; the end is exclusive."""

    start: int
    end: int


@dataclass(slots=True)
class Register:
    """Accepted readings of one register, by time; `implausible` marks more than a household uses."""

    meter: str
    register: str
    commodity: Commodity
    direction: Direction
    unit: str
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    values: list[Decimal] = field(default_factory=list)
    implausible: bytearray = field(default_factory=bytearray)
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    told: "array[int]" = field(default_factory=lambda: array("q"))
    """When each value was told, seconds since 1970: of two for one interval the later told holds."""
    is_derived: bool = False
    """Made of the differences of a counter, which is what was read."""

    def interval(self, index: int) -> Interval:
        return Interval(self.starts[index], self.ends[index])


@dataclass(slots=True)
class Counter:
    """What one register showed, in the order of the file; `moments` are seconds since 1970.

    `arrived` has 1 where the moment is only that of the file's arrival.
    """

    meter: str
    register: str
    commodity: Commodity
    direction: Direction
    unit: str
    modulus: Decimal | None
    moments: "array[int]" = field(default_factory=lambda: array("q"))
    arrived: bytearray = field(default_factory=bytearray)
    values: list[Decimal] = field(default_factory=list)
    lines: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class Verdict:
    """What a file came to: read = accepted + duplicate + rejected. `kept` and `counters` hold indices, by time.

    `captured` has the records that are no readings, one for each source and record id, by time.
    """

    read: int = 0
    duplicate: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[Rejection] = field(default_factory=list)
    kept: list[tuple[Register, Sequence[int]]] = field(default_factory=list)
    counters: list[tuple[Counter, Sequence[int]]] = field(default_factory=list)
    captured: list[Captured] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        intervals = sum(len(indices) for register, indices in self.kept if not register.is_derived)
        return intervals + sum(len(indices) for _counter, indices in self.counters) + len(self.captured)

    def total(self, *directions: Direction) -> Decimal:
        """Sum of the accepted values in these directions; a net register is split into its use and its export."""
        return sum(
            (
                value
                for register, indices in self.kept
                for value in (_in_direction(register, register.values[index], directions) for index in indices)
            ),
            Decimal(0),
        )

    def reject(self, rejection: Rejection) -> None:
        if rejection.note:
            if len(self.notes) < KEPT_NOTES_MAX:
                self.notes.append(rejection)
            return
        self.read += 1
        self.refuse(rejection)

    def refuse(self, rejection: Rejection) -> None:
        """Rejects a reading that was counted as read before."""
        self.rejected += 1
        if len(self.rejections) < KEPT_REJECTIONS_MAX:
            self.rejections.append(rejection)


def _in_direction(register: Register, value: Decimal, directions: Sequence[Direction]) -> Decimal:
    if register.direction in directions:
        return value
    if register.direction is Direction.NET and Direction.IMPORT in directions:
        return max(value, Decimal(0))
    if register.direction is Direction.NET and Direction.EXPORT in directions:
        return max(-value, Decimal(0))
    return Decimal(0)


def moment_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown_reading(register: Register, index: int) -> str:
    return f"{register.meter} {register.register} {moment_text(register.starts[index])}"
