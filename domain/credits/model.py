"""Programmes, their weeks and what a member's week came to."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.basis import EmissionBasis
from domain.errors import DomainError
from domain.ledger.model import Asset


@dataclass(eq=False)
class CodeTaken(DomainError):
    pass


@dataclass(eq=False)
class AlreadyMember(DomainError):
    message: str = "You already belong to a programme; one person belongs to one."


@dataclass(eq=False)
class PeriodAlreadyClosed(DomainError):
    message: str = "This week was closed before; a week is closed once."


@dataclass(eq=False)
class PeriodNotOver(DomainError):
    message: str = "This week is not over yet in the programme's time zone."


@dataclass(slots=True)
class Programme:
    """A carbon budget. `currency` is the code of its money asset, `time_zone` an IANA name."""

    id: int
    code: str
    name: str
    region: str
    currency: str
    weekly_allowance: int
    points_per_kg: int
    time_zone: str
    points_asset: Asset
    allowance_asset: Asset
    """Of the newest year that was opened."""
    maker_fee_basis_points: int = 0
    taker_fee_basis_points: int = 0
    basis: EmissionBasis = EmissionBasis.DIRECT


@dataclass(frozen=True, slots=True)
class PeriodStatement:
    """One member's week, Monday to Sunday: issued = surrendered + left_over."""

    programme: int
    owner: int
    week_start: date
    issued: int
    footprint: int
    surrendered: int
    left_over: int

    @property
    def week_end(self) -> date:
        """Sunday, the last day of the week."""
        return self.week_start + timedelta(days=6)


def week_start(day: date) -> date:
    """Monday of the ISO week that holds this day."""
    return day - timedelta(days=day.weekday())


def week_bounds(monday: date, time_zone: str) -> tuple[datetime, datetime]:
    """Monday 00:00 to the next Monday 00:00 on the zone's clock, so 167 to 169 hours."""
    zone = ZoneInfo(time_zone)
    return (
        datetime.combine(monday, time.min, zone),
        datetime.combine(monday + timedelta(days=7), time.min, zone),
    )


def allowance_code(programme_code: str, year: int) -> str:
    """`year` is the ISO year of the week."""
    return f"PCA-{programme_code}-{year}"


def points_code(programme_code: str) -> str:
    return f"PTS-{programme_code}"
