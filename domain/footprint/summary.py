"""What activities come to: totals by day and category, and what was done under which factor."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class FactorUse:
    """What a person did under one factor in one unit: `quantity` is the sum over activities shared by so many."""

    factor_id: str
    region: str
    factor_unit: str
    unit: str
    shared_by: int
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class CategoryTotal:
    category: str
    total: int
    activities: int


@dataclass(frozen=True, slots=True)
class DayTotal:
    date: date
    total: int


@dataclass(frozen=True, slots=True)
class EmissionsRange:
    """From `low` to `high` grams, if all factors err the same way.

    `covered` grams of the total have a range of their source's; the rest is in both bounds as it is.
    """

    low: int
    high: int
    covered: int


@dataclass(frozen=True, slots=True)
class FootprintSummary:
    """`allowance` and `remaining` are None where the person belongs to no programme.

    `range` is None where no factor behind the total has one.
    """

    from_date: date
    to_date: date
    total: int
    by_category: tuple[CategoryTotal, ...]
    by_day: tuple[DayTotal, ...]
    allowance: int | None
    remaining: int | None
    range: EmissionsRange | None = None
