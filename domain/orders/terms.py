"""The terms on which an instrument is traded: limits, price bounds, halts, auctions and its calendar.

Terms are data: an operator's command sets them, they are stored with the instrument as JSON and decided upon by the
engine. `docs/market.md` tells each with its default and its source.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, time
from typing import Any

from domain.errors import InvalidInput
from domain.units import BASIS_POINTS, OUTSIDE_MAX

LARGEST_ORDER = 1_000_000_000_000
"""A megatonne, in grams."""
DAYS = 7
OPEN_ORDERS_MAX = 100_000
HALT_WINDOW_MAX = 3_600
SECONDS_MAX = 86_400
OPTIONAL = frozenset({"holding", "priceFloor", "priceCeiling", "band", "halt"})
"""Bounds that may be taken away."""


@dataclass(frozen=True, slots=True)
class Session:
    """One day's trading in the calendar's own zone: orders are collected from `collects`, trade from `opens`.

    `weekday` is 0 for Monday. Of equal `collects` and `opens` there is no opening auction.
    """

    weekday: int
    collects: time
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Calendar:
    """`time_zone` is an IANA name; on `holidays` nothing is traded."""

    time_zone: str
    sessions: tuple[Session, ...]
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """Grams, minor units per tonne, basis points and seconds. None means that there is no such bound.

    Without a calendar the market is open around the clock and its session is the day of UTC.
    """

    smallest_order: int = 1
    largest_order: int = LARGEST_ORDER
    open_orders: int = 10_000
    """Orders of one person that may stand in the book at once."""
    holding: int | None = None
    """Grams that one person may come to own by trading: what they have and what their open BUYs would bring."""
    price_floor: int | None = None
    price_ceiling: int | None = None
    band: int | None = 1_000
    """How far from the reference price an order's price may lie, in basis points of it."""
    halt: int | None = 500
    """A trade further than this from the price `halt_window` ago stops the market."""
    halt_window: int = 300
    halt_seconds: int = 300
    auction_seconds: int = 300
    """How long orders are collected when the market opens again after a halt."""
    freeze_seconds: int = 60
    """At the end of an auction nothing can be cancelled for so long."""
    batch_seconds: int = 0
    """Above 0, an open market trades by an auction every so many seconds, never continuously."""
    calendar: Calendar | None = None

    def as_values(self) -> dict[str, Any]:
        """As JSON values, only what differs from the default; `terms_of` is the way back."""
        default = Terms()
        values = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != getattr(default, field.name)
        }
        if self.calendar is not None:
            values["calendar"] = {
                "time_zone": self.calendar.time_zone,
                "sessions": [
                    {name: value if name == "weekday" else value.isoformat() for name, value in asdict(session).items()}
                    for session in self.calendar.sessions
                ],
                "holidays": sorted(day.isoformat() for day in self.calendar.holidays),
            }
        return values


def terms_of(values: Mapping[str, Any]) -> Terms:
    calendar = values.get("calendar")
    if calendar is None:
        return Terms(**values)
    read = Calendar(
        calendar["time_zone"],
        tuple(
            Session(
                session["weekday"],
                time.fromisoformat(session["collects"]),
                time.fromisoformat(session["opens"]),
                time.fromisoformat(session["closes"]),
            )
            for session in calendar["sessions"]
        ),
        frozenset(date.fromisoformat(day) for day in calendar["holidays"]),
    )
    return Terms(**{**values, "calendar": read})


def with_bounds(terms: Terms, floor: int | None, ceiling: int | None) -> Terms:
    return replace(terms, price_floor=floor, price_ceiling=ceiling)


def check_terms(terms: Terms) -> None:
    """Raises InvalidInput that names the first number out of its range; the calendar is checked where it is made."""
    ranges: tuple[tuple[str, int | None, int, int], ...] = (
        ("smallestOrder", terms.smallest_order, 1, LARGEST_ORDER),
        ("largestOrder", terms.largest_order, terms.smallest_order, LARGEST_ORDER),
        ("openOrders", terms.open_orders, 1, OPEN_ORDERS_MAX),
        ("holding", terms.holding, 0, OUTSIDE_MAX),
        ("priceFloor", terms.price_floor, 1, OUTSIDE_MAX),
        ("priceCeiling", terms.price_ceiling, terms.price_floor or 1, OUTSIDE_MAX),
        ("band", terms.band, 1, BASIS_POINTS),
        ("halt", terms.halt, 1, BASIS_POINTS),
        ("haltWindow", terms.halt_window, 60, HALT_WINDOW_MAX),
        ("haltSeconds", terms.halt_seconds, 0, SECONDS_MAX),
        ("auctionSeconds", terms.auction_seconds, 0, SECONDS_MAX),
        ("freezeSeconds", terms.freeze_seconds, 0, SECONDS_MAX),
        ("batchSeconds", terms.batch_seconds, 0, SECONDS_MAX),
    )
    for name, value, least, most in ranges:
        if value is None and name in OPTIONAL:
            continue
        if not (type(value) is int and least <= value <= most):
            raise InvalidInput(f"{name} lies from {least} to {most}.", name)
