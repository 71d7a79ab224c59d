"""Programmes: open, join, close a week, turn what is left into points."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.answers import checked_key, decided, found
from domain.basis import EmissionBasis
from domain.commands import ClosePeriod, ConvertToPoints, CreateProgramme
from domain.credits.model import PeriodNotOver, Programme, week_bounds, week_start
from domain.errors import InvalidInput, NotFound, Overloaded
from domain.ids import new_id
from domain.ledger.currencies import CURRENCIES
from domain.ledger.model import Balance
from domain.ports import CommandQueue, FootprintStore, LedgerStore, ProgrammeStore
from domain.text import checked_text, is_code
from domain.units import BASIS_POINTS

CODE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
EARLIEST_WEEK = date(2000, 1, 3)
WEEKLY_ALLOWANCE_MAX = 10_000_000_000
"""10,000 tonnes, so that closing the weeks of a great many members stays within what the ledger can hold."""
POINTS_PER_KG_MAX = 1_000_000
FEE_MAX_BASIS_POINTS = BASIS_POINTS
SETTLING_SECONDS = 60
_SETTLING = "What a new member recorded before is still being counted by the programme's basis. Close the week shortly."


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    members: int
    issued: int
    surrendered: int
    left_over: int


async def create_programme(
    commands: CommandQueue,
    programmes: ProgrammeStore,
    *,
    caller: int,
    code: str,
    name: str,
    region: str,
    currency: str,
    weekly_allowance: int,
    points_per_kg: int,
    time_zone: str,
    maker_fee_basis_points: int = 0,
    taker_fee_basis_points: int = 0,
    basis: EmissionBasis = EmissionBasis.DIRECT,
    now: datetime,
) -> Programme:
    """Opens the programme's assets and the market of its current ISO year. Raises CodeTaken or InvalidInput."""
    if not CODE.fullmatch(code):
        raise InvalidInput("A code has 1 to 32 letters, digits and dashes, no dash at an end.", "code")
    if not REGION.fullmatch(region):
        raise InvalidInput("The region must be a code of ISO 3166-1 or 3166-2, such as GB or CN-GD.", "region")
    if currency not in CURRENCIES:
        raise InvalidInput("The currency must be a code of ISO 4217, such as EUR.", "currency")
    if not 0 < weekly_allowance <= WEEKLY_ALLOWANCE_MAX:
        raise InvalidInput(f"The weekly allowance lies from 1 to {WEEKLY_ALLOWANCE_MAX} g.", "weeklyAllowance")
    if not 0 <= points_per_kg <= POINTS_PER_KG_MAX:
        raise InvalidInput(f"Points for a kilogram lie from 0 to {POINTS_PER_KG_MAX}.", "pointsPerKg")
    for field, fee in (
        ("makerFeeBasisPoints", maker_fee_basis_points),
        ("takerFeeBasisPoints", taker_fee_basis_points),
    ):
        if not 0 <= fee <= FEE_MAX_BASIS_POINTS:
            raise InvalidInput(f"A fee lies from 0 to {FEE_MAX_BASIS_POINTS} basis points.", field)
    command = CreateProgramme(
        caller=caller,
        key=new_id(now),
        code=code,
        name=checked_text(name, "name", most=200),
        region=region,
        currency=currency,
        weekly_allowance=weekly_allowance,
        points_per_kg=points_per_kg,
        time_zone=time_zone,
        year=now.astimezone(_zone(time_zone)).isocalendar().year,
        maker_fee_basis_points=maker_fee_basis_points,
        taker_fee_basis_points=taker_fee_basis_points,
        basis=basis,
    )
    await decided(commands, command)
    return found(await programmes.programme(code))


async def join_programme(programmes: ProgrammeStore, *, owner: int, code: str, now: datetime) -> Programme:
    """Raises NotFound, or AlreadyMember for a second join of any programme."""
    programme = await programmes.programme(code)
    if programme is None:
        raise NotFound("There is no programme with this code.")
    await programmes.join(programme.id, owner, now)
    return programme


async def close_period(
    commands: CommandQueue,
    programmes: ProgrammeStore,
    footprint: FootprintStore,
    *,
    caller: int,
    programme_code: str,
    week_of: date,
    now: datetime,
) -> PeriodTotals:
    """Closes the ISO week that holds `week_of` for everyone who is a member now.

    Raises NotFound, PeriodNotOver, PeriodAlreadyClosed, InvalidInput for a year that must be a typing error, Overloaded
    as long as something that a member recorded before joining does not follow the programme's basis.
    """
    programme = await programmes.programme(programme_code)
    if programme is None:
        raise NotFound("There is no programme with this code.")
    if week_of < EARLIEST_WEEK:
        raise InvalidInput(f"No week before {EARLIEST_WEEK} can be closed.", "weekOf")
    try:
        monday = week_start(week_of)
        start, end = week_bounds(monday, programme.time_zone)
    except OverflowError:
        raise PeriodNotOver() from None
    if now < end:
        raise PeriodNotOver()
    if await programmes.is_settling(programme.id):
        raise Overloaded(_SETTLING, SETTLING_SECONDS)
    members = sorted(await programmes.members(programme.id))
    emissions = await footprint.emissions_between(members, start, end)
    command = ClosePeriod(
        caller=caller,
        programme_code=programme_code,
        week_start=monday,
        members=tuple((owner, emissions.get(owner)) for owner in members),
    )
    answer = await decided(commands, command)
    return PeriodTotals(*answer.state)


async def convert_to_points(
    commands: CommandQueue, ledger: LedgerStore, *, owner: int, asset: str, grams: int, key: str
) -> tuple[Balance, Balance]:
    """The balances of allowance and points after it. Raises InvalidInput, InsufficientBalance, NotFound."""
    command_key = checked_key(key, "idempotencyKey")
    if not is_code(asset):
        raise NotFound("There is no asset with this code.")
    answer = await decided(commands, ConvertToPoints(caller=owner, key=command_key, asset=asset, grams=grams))
    if answer.state is not None:
        allowance, points = answer.state
        return allowance, points
    return (
        found(await ledger.balance(owner, answer.data["allowance"])),
        found(await ledger.balance(owner, answer.data["points"])),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("The time zone must be an IANA name, such as Europe/Berlin.", "timeZone") from None
