"""The changes that would save a person most, from what they did lately and from published factors alone.

A change compares two factors of one kind: emissions at the source with emissions at the source, or life cycle with life
cycle. Of changes to one and the same habit only the best is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction

from domain.errors import NotFound
from domain.footprint.calculation import ChosenFactor
from domain.footprint.factor_choice import FactorChoice, is_lifecycle
from domain.footprint.model import EmissionFactor
from domain.footprint.summary import FactorUse
from domain.footprint.units import IncompatibleUnits, convert, plain
from domain.units import OUTSIDE_MAX

ADVICE_WEEKS = 8
ADVICE_MAX = 3
SAME = "="
"""As `to_factor`: the factor that is in use already."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the table of changes: what takes the place of one unit of a factor, and of which share of it.

    `from_factor` may hold `*`; `to_factor` is None where nothing takes its place. `to_per_from` is how many `to_unit`
    stand for one `from_unit`.
    """

    change: str
    title: str
    from_factor: str
    from_unit: str
    to_factor: str | None
    to_unit: str | None
    to_per_from: Decimal
    share_percent: int
    assumption: str


@dataclass(frozen=True, slots=True)
class Advice:
    """`saved` is grams of ADVICE_WEEKS weeks like the last; `kg_per_unit_then` is for one unit of today's habit."""

    change: str
    title: str
    assumption: str
    now: EmissionFactor
    then: EmissionFactor | None
    quantity: Decimal
    unit: str
    kg_per_unit_now: Decimal
    kg_per_unit_then: Decimal
    saved: int
    saved_weekly: int
    arithmetic: str


async def best_changes(
    choice: FactorChoice, changes: Sequence[Change], uses: Sequence[FactorUse], today: date
) -> list[Advice]:
    """At most ADVICE_MAX, the one that saves most first."""
    found: list[Advice] = []
    for (factor_id, region, unit), quantity in _habits(uses).items():
        fitting = [change for change in changes if change.from_unit == unit and _fits(change, factor_id)]
        advised = [await _advice(choice, change, factor_id, region, quantity, today) for change in fitting]
        best = max((advice for advice in advised if advice), key=lambda advice: advice.saved, default=None)
        if best is not None:
            found.append(best)
    return sorted(found, key=lambda advice: (-advice.saved, advice.change, advice.now.id))[:ADVICE_MAX]


def _habits(uses: Sequence[FactorUse]) -> dict[tuple[str, str, str], Decimal]:
    """The person's own share by factor, region and the factor's unit."""
    habits: dict[tuple[str, str, str], Decimal] = {}
    for use in uses:
        try:
            own = convert(use.quantity, use.unit, use.factor_unit) / use.shared_by
        except IncompatibleUnits:
            continue
        key = (use.factor_id, use.region, use.factor_unit)
        habits[key] = habits.get(key, Decimal(0)) + own
    return habits


def _fits(change: Change, factor_id: str) -> bool:
    return fnmatchcase(factor_id, change.from_factor) and factor_id != change.to_factor


async def _advice(
    choice: FactorChoice, change: Change, factor_id: str, region: str, quantity: Decimal, today: date
) -> Advice | None:
    """None where there is no comparable factor, or nothing to save."""
    try:
        now = await choice.of(factor_id, region, today)
        then = await _then(choice, change, now, region, today)
    except NotFound:
        return None
    if then is not None and (then.factor.unit != change.to_unit or is_lifecycle(then) != is_lifecycle(now)):
        return None
    part = Decimal(plain((quantity * change.share_percent / 100).quantize(Decimal("0.001"))))
    new = then.kg_per_unit * change.to_per_from if then else Decimal(0)
    saved = min(round(Fraction(part) * Fraction(now.kg_per_unit - new) * 1_000), OUTSIDE_MAX)
    if saved <= 0:
        return None
    return Advice(
        change=change.change,
        title=change.title,
        assumption=change.assumption,
        now=now.factor,
        then=then.factor if then else None,
        quantity=part,
        unit=now.factor.unit,
        kg_per_unit_now=now.kg_per_unit,
        kg_per_unit_then=new,
        saved=saved,
        saved_weekly=saved // ADVICE_WEEKS,
        arithmetic=_arithmetic(change, part, now, then, saved),
    )


async def _then(
    choice: FactorChoice, change: Change, now: ChosenFactor, region: str, today: date
) -> ChosenFactor | None:
    if change.to_factor is None:
        return None
    return now if change.to_factor == SAME else await choice.of(change.to_factor, region, today)


def _arithmetic(change: Change, part: Decimal, now: ChosenFactor, then: ChosenFactor | None, saved: int) -> str:
    """For example: 50 % of 8 weeks, 60 km x (0.2 - 1 x 0.03546) kg CO2e/km x 1000 = 9872 g; 1234 g a week."""
    new = "0" if then is None else f"{plain(change.to_per_from)} x {plain(then.kg_per_unit)}"
    unit = now.factor.unit
    return (
        f"{change.share_percent} % of {ADVICE_WEEKS} weeks, {plain(part)} {unit} x ({plain(now.kg_per_unit)} - {new}) "
        f"kg CO2e/{unit} x 1000 = {saved} g; {saved // ADVICE_WEEKS} g a week"
    )
