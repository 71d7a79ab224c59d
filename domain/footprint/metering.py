"""From what a meter counted to activities: one for each meter, register and local day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.footprint.calculation import ChosenFactor, emissions_of
from domain.footprint.factor_choice import MAINS, FactorChoice
from domain.footprint.meter_checks import HOUSEHOLD_MAX_KW
from domain.footprint.model import Activity, ActivitySource, Commodity, MeterDay
from domain.footprint.units import IncompatibleUnits, convert
from domain.footprint.verdict import Verdict
from domain.ids import new_id

_GAS = (
    ("therm", "energy.natural_gas.therm"),
    ("kWh", "energy.natural_gas.kwh_gross"),
    ("m3", "energy.natural_gas.m3"),
    ("scf", "energy.natural_gas.scf"),
)
"""Natural gas by the unit of its factor. Bills and meters state the higher heating value, which is the gross one."""
_IMPLAUSIBLE = (
    f"A reading of this day is above {HOUSEHOLD_MAX_KW} kW, more than a household uses. Confirm it if it is right."
)
_OTHERWISE = (
    "Somebody of your household sent another sum for this day under this meter's name, and that one counts. "
    "Confirm this one if they are two meters, discard it if they are one."
)
_WATER = (("m3", "water.supply"), ("L", "water.ngc.supply"))
"""Water as it comes out of the tap; what becomes of it in a sewer no meter tells."""


class MeterRow(NamedTuple):
    """An accepted reading on its way into the table."""

    meter: str
    register: str
    starts_at: datetime
    ends_at: datetime
    commodity: str
    direction: str
    unit: str
    value: Decimal
    implausible: bool
    local_date: date
    told_at: datetime
    is_derived: bool = False
    """Made of the differences of a counter: it is recorded and not counted as a record of the file."""


class CounterRow(NamedTuple):
    """What a counter showed, on its way into the table; `is_arrival` where `at` is only when the file came."""

    meter: str
    register: str
    at: datetime
    commodity: str
    direction: str
    unit: str
    value: Decimal
    modulus: Decimal | None
    is_arrival: bool = False


class LocalDays:
    """The day of a moment in one place, for moments that mostly follow one another."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._day = date.min
        self._from = self._until = 0

    def of(self, seconds: int) -> date:
        """`seconds` since 1970, UTC."""
        if not self._from <= seconds < self._until:
            self._day = datetime.fromtimestamp(seconds, self._zone).date()
            self._from = seconds
            following = datetime.combine(self._day + timedelta(days=1), time.min, self._zone)
            self._until = int(following.timestamp())
        return self._day


def rows_of(verdict: Verdict, zone: ZoneInfo, *, is_derived: bool | None = None) -> Iterator[MeterRow]:
    """The accepted readings; `is_derived` where it is not the register's own."""
    days = LocalDays(zone)
    for register, indices in verdict.kept:
        for index in indices:
            yield MeterRow(
                register.meter,
                register.register,
                datetime.fromtimestamp(register.starts[index], UTC),
                datetime.fromtimestamp(register.ends[index], UTC),
                register.commodity,
                register.direction,
                register.unit,
                register.values[index],
                bool(register.implausible[index]),
                days.of(register.starts[index]),
                datetime.fromtimestamp(register.told[index], UTC),
                register.is_derived if is_derived is None else is_derived,
            )


async def activities_of(
    choice: FactorChoice,
    *,
    owner: int,
    region: str,
    days: Sequence[MeterDay],
    now: datetime,
    source: ActivitySource = ActivitySource.METER,
) -> list[Activity]:
    """The activity of each day, in order; raises NotFound where the region has no factor for this energy."""
    activities = []
    for day in days:
        chosen = await _factor(choice, region, day)
        emissions, explanation = emissions_of(day.quantity, day.unit, chosen)
        key = new_id(now)
        activities.append(
            Activity(
                id=key,
                owner=owner,
                client_id=key,
                activity=MAINS if day.commodity is Commodity.ELECTRICITY else chosen.factor.factor_id,
                category=chosen.factor.category,
                quantity=day.quantity,
                unit=day.unit,
                started_at=day.started_at,
                ended_at=day.ended_at,
                local_date=day.day,
                source=source,
                status=day.status,
                emissions=emissions,
                explanation=explanation,
                factor_rows=tuple(row.id for row in chosen.rows),
                reason=_reason(day),
            )
        )
    return activities


def _reason(day: MeterDay) -> str:
    if day.same_as:
        return (
            f"The meter {day.same_as} told the same for this day and counts. Discard this one if both are one meter, "
            "confirm it if they are two."
        )
    if day.is_otherwise_at_home:
        return _OTHERWISE
    return _IMPLAUSIBLE if day.implausible else ""


async def _factor(choice: FactorChoice, region: str, day: MeterDay) -> ChosenFactor:
    if day.commodity is Commodity.ELECTRICITY:
        return await choice.of(MAINS, region, day.day, metered=True)
    table = _WATER if day.commodity is Commodity.WATER else _GAS
    return await choice.first_of(_factors_for(day.unit, table), region, day.day)


def _factors_for(unit: str, table: Sequence[tuple[str, str]]) -> list[str]:
    """Factors in units that this one converts into, its own first."""
    fitting = [(own, factor_id) for own, factor_id in table if _converts(unit, own)]
    return [factor_id for own, factor_id in sorted(fitting, key=lambda pair: pair[0] != unit)]


def _converts(unit: str, other: str) -> bool:
    try:
        convert(Decimal(1), unit, other)
    except IncompatibleUnits:
        return False
    return True
