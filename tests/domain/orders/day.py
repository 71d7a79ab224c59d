"""A market on days of a calendar, with the clock's commands as the writer gives them."""

from datetime import UTC, date, datetime, time

from domain.commands import ChangePhase, Command
from domain.orders.model import Instrument, OrderStatus, TradingPhase
from domain.orders.schedule import next_due
from domain.orders.terms import Calendar, Session, Terms
from tests import factories as make
from tests.domain.exchange import Exchange

ALICE, BOB, CAROL = make.ALICE, make.BOB, make.CAROL
WEEKDAYS = Calendar(
    "Europe/London",
    tuple(Session(day, time(8, 30), time(9), time(17)) for day in range(5)),
    frozenset({date(2026, 7, 3)}),
)
CALENDAR = Terms(calendar=WEEKDAYS).as_values()["calendar"]
"""Orders are collected from 07:30 UTC in summer, trade from 08:00 to 16:00; 3 July is a holiday."""


class Day(Exchange):
    """Does what the writer does: what is due goes first. Everybody has enough of everything."""

    def __init__(self, now: datetime = make.NOON, **terms: object) -> None:
        super().__init__(now)
        self.log: list[tuple[Command, datetime]] = []
        self.done(make.create_programme())
        for person in (ALICE, BOB, CAROL):
            self.done(make.deposit(person, 100_000_000))
            self.done(make.issue(person, 100_000_000))
        if terms:
            self.done(make.set_terms(**terms))  # type: ignore[arg-type]
            self.tick()

    def apply(self, command: Command):  # type: ignore[no-untyped-def]
        self.log.append((command, self.now))
        return super().apply(command)

    def tick(self) -> list[Command]:
        """Applies what is due, and tells it."""
        applied = []
        while (due := next_due(self.state, self.now)) is not None:
            self.done(due)
            applied.append(due)
        return applied

    def at(self, *moment: int) -> list[Command]:
        self.now = datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type, misc]
        return self.tick()

    def wait(self, **time: float) -> list[Command]:
        self.forward(**time)
        return self.tick()

    @property
    def instrument(self) -> Instrument:
        return self.state.markets[make.SYMBOL].instrument

    @property
    def phase(self) -> TradingPhase:
        return self.instrument.phase

    def trade(self, price: int, quantity: int = 1_000) -> None:
        self.order(make.sell(ALICE, quantity, price))
        assert self.order(make.buy(BOB, quantity, price)).status is OrderStatus.FILLED


def phases_of(commands: list[Command]) -> list[TradingPhase]:
    return [command.phase for command in commands if isinstance(command, ChangePhase)]


CLOSED, CALL_AUCTION = TradingPhase.CLOSED, TradingPhase.CALL_AUCTION
CONTINUOUS, HALTED = TradingPhase.CONTINUOUS, TradingPhase.HALTED


def in_auction() -> Day:
    day = Day(datetime(2026, 7, 1, 5, tzinfo=UTC), calendar=CALENDAR)
    day.at(2026, 7, 1, 7, 40)
    return day
