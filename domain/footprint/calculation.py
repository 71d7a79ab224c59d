"""Which factor holds for an activity, and what the activity emitted. Pure; the store is asked in `factor_choice.py`.

The region comes first (CN-GD, then CN, then GLOBAL), then the date: within the most exact region that has a row at
all, the edition that covers the day, else the nearest one, with a caveat that says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from domain.errors import InvalidInput
from domain.footprint.model import EmissionFactor, Explanation
from domain.footprint.units import IncompatibleUnits, convert, plain

GLOBAL = "GLOBAL"
EMISSIONS_MAX_GRAMS = 10**11
"""100,000 t for one activity: far above what a person causes, and years of such sums still fit into 2^53 - 1."""
SHARED_BY_MAX = 1_000
_NO_EDITION = "No edition covers"
_NOT_EMITTED = {
    "avoided": "emissions that were avoided, not caused",
    "biogenic_memo": "biogenic CO2, which is shown for information and never added",
    "gwp": "the warming potential of a gas, not an activity",
}


def check_shared_by(people: int) -> None:
    """Raises InvalidInput for a number of people that cannot have done one thing together."""
    if not 1 <= people <= SHARED_BY_MAX:
        raise InvalidInput(f"An activity is shared by 1 to {SHARED_BY_MAX} people.", field="sharedBy")


@dataclass(frozen=True, slots=True)
class ChosenFactor:
    """`supply` is the row that is added to `factor` for the making of the fuel, in the same unit."""

    factor: EmissionFactor
    caveats: tuple[str, ...] = ()
    supply: EmissionFactor | None = None

    @property
    def rows(self) -> tuple[EmissionFactor, ...]:
        return (self.factor,) if self.supply is None else (self.factor, self.supply)

    @property
    def kg_per_unit(self) -> Decimal:
        return sum((row.kg_per_unit for row in self.rows), Decimal(0))

    @property
    def uncertainty(self) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest kg CO2e for one unit; a row without a range stands for itself."""
        if all(row.uncertainty_low is None for row in self.rows):
            return None
        lows = (row.kg_per_unit if row.uncertainty_low is None else row.uncertainty_low for row in self.rows)
        highs = (row.kg_per_unit if row.uncertainty_high is None else row.uncertainty_high for row in self.rows)
        return sum(lows, Decimal(0)), sum(highs, Decimal(0))


def region_chain(region: str) -> tuple[str, ...]:
    """Regions to look in, most exact first: CN-GD gives CN-GD, CN, GLOBAL."""
    country = region.partition("-")[0]
    return tuple(dict.fromkeys((region, country, GLOBAL)))


def choose(candidates: Sequence[EmissionFactor], chain: Sequence[str], on: date) -> ChosenFactor | None:
    """The row of one factor id that holds in the first region of the chain that has any; None where none has."""
    for region in chain:
        rows = [row for row in candidates if row.region == region]
        if rows:
            nearest = min(rows, key=lambda row: (_days_away(row, on), row.valid_from))
            return ChosenFactor(nearest, _edition_caveats(nearest, on))
    return None


def _days_away(row: EmissionFactor, on: date) -> int:
    if on < row.valid_from:
        return (row.valid_from - on).days
    return max(0, (on - row.valid_to).days) if row.valid_to else 0


def _edition_caveats(row: EmissionFactor, on: date) -> tuple[str, ...]:
    if _days_away(row, on) == 0:
        return ()
    until = f"to {row.valid_to}" if row.valid_to else "on"
    return (f"{_NO_EDITION} {on}: the nearest one was taken, valid from {row.valid_from} {until}.",)


def is_of_edition(caveat: str) -> bool:
    """True for the caveat that no edition covers the day."""
    return caveat.startswith(_NO_EDITION)


def emissions_of(quantity: Decimal, unit: str, chosen: ChosenFactor, shared_by: int = 1) -> tuple[int, Explanation]:
    """Grams CO2e, rounded once (half to even), and how they came about.

    Raises InvalidInput where the factor is not one of emissions, the unit does not convert into the factor's, or the
    result is beyond EMISSIONS_MAX_GRAMS.
    """
    factor = chosen.factor
    if factor.scope in _NOT_EMITTED:
        raise InvalidInput(f"{factor.factor_id} stands for {_NOT_EMITTED[factor.scope]}.", field="activity")
    try:
        converted = convert(quantity, unit, factor.unit)
    except IncompatibleUnits as error:
        raise InvalidInput(f"{error} {factor.factor_id} is counted in {factor.unit}.", field="unit") from error
    grams = _grams(converted, chosen.kg_per_unit, shared_by)
    if abs(grams) > EMISSIONS_MAX_GRAMS:
        raise InvalidInput("This quantity is more than one activity can be.", field="quantity")
    return grams, Explanation(
        factor_id=factor.factor_id,
        factor_kg_per_unit=chosen.kg_per_unit,
        factor_unit=factor.unit,
        region=factor.region,
        edition=factor.edition,
        source=factor.source,
        converted_quantity=converted,
        formula=_formula(quantity, unit, converted, chosen, shared_by, grams),
        caveats=chosen.caveats,
        emissions_low=_grams(converted, chosen.uncertainty[0], shared_by) if chosen.uncertainty else None,
        emissions_high=_grams(converted, chosen.uncertainty[1], shared_by) if chosen.uncertainty else None,
    )


def _grams(converted: Decimal, kg_per_unit: Decimal, shared_by: int) -> int:
    return round(Fraction(converted) * Fraction(kg_per_unit) * 1000 / shared_by)


def _formula(quantity: Decimal, unit: str, converted: Decimal, chosen: ChosenFactor, shared_by: int, grams: int) -> str:
    """For example: 10 mile = 16.09344 km; 16.09344 km x 0.2 kg CO2e/km x 1000 / 2 = 1609 g.

    With the supply of the fuel: 10 km x (0.2 + 0.05) kg CO2e/km x 1000 = 2500 g.
    """
    own = chosen.factor.unit
    amount = f"{plain(converted)} {own}"
    conversion = "" if unit == own else f"{plain(quantity)} {unit} = {amount}; "
    parts = " + ".join(plain(row.kg_per_unit) for row in chosen.rows)
    kg = parts if chosen.supply is None else f"({parts})"
    share = f" / {shared_by}" if shared_by > 1 else ""
    return f"{conversion}{amount} x {kg} kg CO2e/{own} x 1000{share} = {grams} g"
