"""The terms of trading as the public sees them, and as an operator sets them."""

from datetime import UTC, date, datetime, time
from typing import Any

import strawberry

from domain.errors import InvalidInput
from domain.orders import terms
from domain.orders.desk import with_public_holidays
from domain.units import Grams, MinorUnits
from schema.context import RequestContext


@strawberry.type(description="One day's trading: orders are collected, then trade, until the close; local times HH:MM.")
class TradingSession:
    weekday: int = strawberry.field(description="0 is Monday")

    @strawberry.field
    @staticmethod
    def collects(session: strawberry.Parent[terms.Session]) -> str:
        return _clock(session.collects)

    @strawberry.field
    @staticmethod
    def opens(session: strawberry.Parent[terms.Session]) -> str:
        return _clock(session.opens)

    @strawberry.field
    @staticmethod
    def closes(session: strawberry.Parent[terms.Session]) -> str:
        return _clock(session.closes)


@strawberry.type
class TradingCalendar:
    time_zone: str
    sessions: list[TradingSession]

    @strawberry.field
    @staticmethod
    def holidays(calendar: strawberry.Parent[terms.Calendar]) -> list[date]:
        return sorted(calendar.holidays)


@strawberry.type(
    description=(
        "Grams, minor units per tonne, basis points and seconds; null where there is no such bound. Without a calendar "
        "the market is open around the clock and its session is the day of UTC."
    )
)
class TradingTerms:
    smallest_order: Grams
    largest_order: Grams
    open_orders: int = strawberry.field(description="orders of one person that may stand in the book at once")
    holding: Grams | None = strawberry.field(description="grams that one person may come to own by trading")
    price_floor: MinorUnits | None
    price_ceiling: MinorUnits | None
    band: int | None = strawberry.field(description="basis points of the reference price, up and down")
    halt: int | None = strawberry.field(description="basis points from where the price was `haltWindow` ago")
    halt_window: int
    halt_seconds: int
    auction_seconds: int = strawberry.field(description="how long orders are collected when it opens after a halt")
    freeze_seconds: int = strawberry.field(description="nothing can be cancelled at the end of an auction for so long")
    batch_seconds: int = strawberry.field(description="above 0: trades by an auction every so many seconds")
    calendar: TradingCalendar | None


@strawberry.input
class TradingSessionInput:
    weekday: int = strawberry.field(description="0 is Monday")
    collects: str
    opens: str
    closes: str


@strawberry.input
class TradingCalendarInput:
    time_zone: str
    sessions: list[TradingSessionInput]
    holidays: list[date] = strawberry.field(default_factory=list)
    holidays_of: str | None = strawberry.field(
        default=None, description="ISO 3166 region whose public holidays of the next five years are added"
    )


@strawberry.input(description="What is left out stays; null takes a bound away.")
class TradingTermsInput:
    tick_size: MinorUnits | None = strawberry.UNSET
    lot_size: Grams | None = strawberry.UNSET
    reference_price: MinorUnits | None = strawberry.UNSET
    smallest_order: Grams | None = strawberry.UNSET
    largest_order: Grams | None = strawberry.UNSET
    open_orders: int | None = strawberry.UNSET
    holding: Grams | None = strawberry.UNSET
    price_floor: MinorUnits | None = strawberry.UNSET
    price_ceiling: MinorUnits | None = strawberry.UNSET
    band: int | None = strawberry.UNSET
    halt: int | None = strawberry.UNSET
    halt_window: int | None = strawberry.UNSET
    halt_seconds: int | None = strawberry.UNSET
    auction_seconds: int | None = strawberry.UNSET
    freeze_seconds: int | None = strawberry.UNSET
    batch_seconds: int | None = strawberry.UNSET
    calendar: TradingCalendarInput | None = strawberry.UNSET


_STEPS = ("tick_size", "lot_size", "reference_price")


def changes_of(given: TradingTermsInput, context: RequestContext) -> dict[str, Any]:
    """The fields of `Terms` that were given, with their new values."""
    changes = {
        name: value for name, value in vars(given).items() if value is not strawberry.UNSET and name not in _STEPS
    }
    if isinstance(changes.get("calendar"), TradingCalendarInput):
        changes["calendar"] = _calendar(changes["calendar"], context)
    return changes


def steps_of(given: TradingTermsInput) -> dict[str, int | None]:
    return {name: step for name in _STEPS if (step := getattr(given, name)) is not strawberry.UNSET}


def _calendar(given: TradingCalendarInput, context: RequestContext) -> terms.Calendar:
    calendar = terms.Calendar(
        given.time_zone,
        tuple(
            terms.Session(each.weekday, _time(each.collects), _time(each.opens), _time(each.closes))
            for each in given.sessions
        ),
        frozenset(given.holidays),
    )
    if given.holidays_of is None:
        return calendar
    return with_public_holidays(calendar, context.stores.holidays, given.holidays_of, context.now)


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()
    except ValueError:
        raise InvalidInput("A time of day is written HH:MM.", "sessions") from None


def _clock(moment: time) -> str:
    return moment.strftime("%H:%M")
