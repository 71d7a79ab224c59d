"""What an operator asks of the market: each act is one command to the writer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from domain.answers import checked_key, decided, found
from domain.commands import CancelOrderOf, DecideProposal, HaltMarket, ProposeReserve, ResumeMarket, SetTerms
from domain.errors import InvalidInput, NotFound
from domain.ids import NOBODY
from domain.orders.calendar import check_calendar
from domain.orders.model import Instrument, Order, Proposal, ReservePart
from domain.orders.terms import Calendar, Terms
from domain.ports import CommandQueue, DeskStore, HolidayTable, MarketStore
from domain.text import checked_text, is_code

HOLIDAY_YEARS = 5
REASON_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Steps:
    """What is set beside the terms; None leaves it as it is."""

    tick_size: int | None = None
    lot_size: int | None = None
    reference_price: int | None = None


async def set_terms(
    commands: CommandQueue,
    market: MarketStore,
    *,
    caller: int,
    symbol: str,
    changes: dict[str, Any],
    steps: Steps,
    key: str,
) -> Instrument:
    """`changes` holds new values of fields of `Terms`, a calendar as the object. Raises InvalidInput or NotFound."""
    checked = checked_key(key, "idempotencyKey")
    if (calendar := changes.get("calendar")) is not None:
        check_calendar(calendar)
        changes = {**changes, "calendar": replace(Terms(), calendar=calendar).as_values()["calendar"]}
    command = SetTerms(
        caller=caller,
        key=checked,
        symbol=symbol,
        changes=changes,
        tick_size=steps.tick_size,
        lot_size=steps.lot_size,
        reference_price=steps.reference_price,
    )
    return await _instrument(commands, market, command)


def with_public_holidays(calendar: Calendar, holidays: HolidayTable, region: str, now: datetime) -> Calendar:
    """Adds the region's public holidays of this year and the next HOLIDAY_YEARS; raises InvalidInput for no region."""
    years = range(now.year, now.year + HOLIDAY_YEARS + 1)
    days: frozenset[date] | None = holidays.of(region, years)
    if days is None:
        raise InvalidInput("The public holidays of this region are not known: give the days themselves.", "holidaysOf")
    return replace(calendar, holidays=calendar.holidays | days)


async def halt_market(
    commands: CommandQueue, market: MarketStore, *, caller: int, symbol: str, reason: str, key: str
) -> Instrument:
    command = HaltMarket(
        caller=caller,
        key=checked_key(key, "idempotencyKey"),
        symbol=symbol,
        reason=_why(reason),
    )
    return await _instrument(commands, market, command)


async def resume_market(
    commands: CommandQueue, market: MarketStore, *, caller: int, symbol: str, key: str
) -> Instrument:
    command = ResumeMarket(caller=caller, key=checked_key(key, "idempotencyKey"), symbol=symbol)
    return await _instrument(commands, market, command)


async def cancel_order_of(
    commands: CommandQueue, desk: DeskStore, *, caller: int, order_id: int | None, reason: str, key: str
) -> Order:
    """Raises OrderNotOpen where the order has ended or is unknown."""
    command = CancelOrderOf(
        caller=caller,
        key=checked_key(key, "idempotencyKey"),
        order=NOBODY if order_id is None else order_id,
        reason=_why(reason),
    )
    answer = await decided(commands, command)
    order: Order | None = answer.state or await desk.order(answer.data["id"])
    return found(order)


async def propose_reserve(
    commands: CommandQueue,
    desk: DeskStore,
    *,
    caller: int,
    symbol: str,
    part: ReservePart,
    price: int,
    quantity: int,
    key: str,
) -> Proposal:
    if not is_code(symbol):
        raise NotFound("There is no instrument with this symbol.")
    command = ProposeReserve(
        caller=caller,
        key=checked_key(key, "idempotencyKey"),
        symbol=symbol,
        part=part,
        price=price,
        quantity=quantity,
    )
    return await _proposal(commands, desk, command)


async def decide_proposal(
    commands: CommandQueue, desk: DeskStore, *, caller: int, proposal_id: int | None, approve: bool, key: str
) -> Proposal:
    """Raises ProposalNotOpen, or SecondOperatorNeeded where the one who proposed approves."""
    command = DecideProposal(
        caller=caller,
        key=checked_key(key, "idempotencyKey"),
        proposal=NOBODY if proposal_id is None else proposal_id,
        approve=approve,
    )
    return await _proposal(commands, desk, command)


async def _instrument(
    commands: CommandQueue, market: MarketStore, command: SetTerms | HaltMarket | ResumeMarket
) -> Instrument:
    if not is_code(command.symbol):
        raise NotFound("There is no instrument with this symbol.")
    await decided(commands, command)
    instruments: Sequence[Instrument] = await market.instruments()
    return found(next((each for each in instruments if each.symbol == command.symbol), None))


async def _proposal(commands: CommandQueue, desk: DeskStore, command: ProposeReserve | DecideProposal) -> Proposal:
    answer = await decided(commands, command)
    return found(await desk.proposal(answer.data["id"]))


def _why(reason: str) -> str:
    return checked_text(reason, "reason", most=REASON_LENGTH_MAX)
