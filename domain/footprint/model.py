"""Activities, factors and meter readings: what a person did and what it caused."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID


class ActivitySource(StrEnum):
    PHONE = "PHONE"
    METER = "METER"
    DEVICE = "DEVICE"
    TRANSIT = "TRANSIT"
    BANK = "BANK"
    IMPORT = "IMPORT"
    MANUAL = "MANUAL"


class ActivityStatus(StrEnum):
    """COUNTED is part of the footprint; QUARANTINED waits for its owner; REVERSED no longer counts."""

    COUNTED = "COUNTED"
    QUARANTINED = "QUARANTINED"
    REVERSED = "REVERSED"


class ImportStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class EmissionFactor:
    """One published row. `kg_per_unit` is kg CO2e for one `unit`; both dates are inclusive, an open end is None.

    `uncertainty_low` and `uncertainty_high` are kg CO2e for one `unit` too: the range that the source itself gives.
    """

    id: int
    factor_id: str
    label: str
    category: str
    unit: str
    kg_per_unit: Decimal
    region: str
    valid_from: date
    valid_to: date | None
    source: str
    edition: str
    scope: str
    notes: str = ""
    uncertainty_low: Decimal | None = None
    uncertainty_high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RankedFactor:
    """A factor that was found by words; the higher the rank, the better it fits."""

    rank: int
    factor: EmissionFactor


@dataclass(frozen=True, slots=True)
class Explanation:
    """Enough to recompute an activity's emissions by hand.

    `factor_kg_per_unit` includes the supply of the fuel where the formula adds it. `emissions_low` and
    `emissions_high` are grams, None where the source of the factor gives no range.
    """

    factor_id: str
    factor_kg_per_unit: Decimal
    factor_unit: str
    region: str
    edition: str
    source: str
    converted_quantity: Decimal
    formula: str
    caveats: tuple[str, ...] = ()
    emissions_low: int | None = None
    emissions_high: int | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """`emissions` is grams, rounded once; `local_date` is the day of `started_at` in the person's time zone.

    `factor_rows` are the ids of the published rows behind it. `adjusts` is the REVERSED activity that this one took the
    place of because a factor was corrected or its owner answered, `adjusted_by` the way on from there.

    `reason` tells the person why it is QUARANTINED; `choices` are the factor ids among which they are asked. `region`
    is the one that was asked for, None where it is the person's own; emissions are divided by `shared_by`.
    """

    id: UUID
    owner: int
    client_id: UUID
    activity: str
    category: str
    quantity: Decimal
    unit: str
    started_at: datetime
    ended_at: datetime | None
    local_date: date
    source: ActivitySource
    status: ActivityStatus
    emissions: int
    explanation: Explanation
    shared_by: int = 1
    factor_rows: tuple[int, ...] = ()
    adjusts: UUID | None = None
    adjusted_by: UUID | None = None
    reason: str = ""
    choices: tuple[str, ...] = ()
    region: str | None = None


@dataclass(frozen=True, slots=True)
class ActivityDraft:
    """One item of recordActivities as the caller sent it: `client_id` and `quantity` are judged item by item.

    `region` is None where the person's own is meant; emissions are divided by `shared_by`.
    """

    client_id: str
    activity: str
    quantity: str
    unit: str
    started_at: datetime
    ended_at: datetime | None = None
    region: str | None = None
    source: ActivitySource = ActivitySource.MANUAL
    shared_by: int = 1


class ActivityResolution(StrEnum):
    CONFIRM = "CONFIRM"
    DISCARD = "DISCARD"
    CHOOSE = "CHOOSE"


@dataclass(frozen=True, slots=True)
class ActivityAnswer:
    """`activity` and `shared_by` go with CHOOSE; None leaves them as they are."""

    resolution: ActivityResolution
    activity: str | None = None
    shared_by: int | None = None


class Direction(StrEnum):
    """Which way a meter's energy flows. IMPORT is use; a NET value above zero is use, below zero it is export."""

    IMPORT = "IMPORT"
    EXPORT = "EXPORT"
    NET = "NET"


class Commodity(StrEnum):
    ELECTRICITY = "ELECTRICITY"
    GAS = "GAS"
    WATER = "WATER"


@dataclass(frozen=True, slots=True)
class Reading:
    """What every reader gives: one interval of one register, not judged yet.

    `start` and `end` are aware UTC; `value` is in `unit` as the file wrote it; `quality` is the format's own letter;
    `line` is the line in the file or None; `source` names the meter; `told_at` is when the source says that it made or
    last corrected this value, None where it does not: of two values for one interval the one told later holds.
    """

    source: str
    register: str
    start: datetime
    end: datetime
    value: Decimal
    unit: str
    direction: Direction
    commodity: Commodity = Commodity.ELECTRICITY
    quality: str = ""
    record: str = ""
    line: int | None = None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was not taken, with words for the person and a code for the program.

    A `note` is a remark on the file as a whole, such as a gap: it is shown with the others and not counted.
    """

    code: str
    reason: str
    line: int | None = None
    record: str | None = None
    note: bool = False


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """Readings of one register at equal steps, as the caller sent them: `values[i]` is for the step i after `start`.

    A value of None is a step without a reading.
    """

    meter: str
    register: str
    commodity: Commodity
    direction: Direction
    unit: str
    start: datetime
    interval_seconds: int
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ReadingsReceipt:
    """What became of readings: read = imported + duplicate + rejected. `rejections` has the notes too."""

    imported: int
    duplicate: int
    rejected: int
    emissions: int
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class MeterDay:
    """What one register used in one local day: the sum of its readings that start on that day, and parts of long ones.

    `implausible` is True where a reading of that day is more than a household can use; `same_as` names another meter
    of the person that told the same, if there is one; `is_otherwise_at_home` is True where a housemate's meter of this
    name told another sum.
    """

    meter: str
    register: str
    commodity: Commodity
    unit: str
    day: date
    quantity: Decimal
    started_at: datetime
    ended_at: datetime
    implausible: bool = False
    same_as: str = ""
    is_otherwise_at_home: bool = False

    def with_more(self, other: "MeterDay") -> "MeterDay":
        """This and more of the same register and day."""
        return replace(
            self,
            quantity=self.quantity + other.quantity,
            started_at=min(self.started_at, other.started_at),
            ended_at=max(self.ended_at, other.ended_at),
            implausible=self.implausible or other.implausible,
        )

    @property
    def status(self) -> ActivityStatus:
        """Whether the person is asked before the day counts."""
        asks = self.implausible or self.same_as or self.is_otherwise_at_home
        return ActivityStatus.QUARANTINED if asks else ActivityStatus.COUNTED


@dataclass(frozen=True, slots=True)
class ImportFormat:
    """A kind of file that can be imported; `file_kinds` are the endings that such files usually have."""

    name: str
    description: str
    file_kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A file on its way into the footprint; the counts are of readings."""

    id: UUID
    owner: int
    format: str
    status: ImportStatus
    records_read: int = 0
    records_imported: int = 0
    records_duplicate: int = 0
    records_rejected: int = 0
    emissions: int = 0
