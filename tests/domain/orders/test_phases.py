"""Phases from the clock: sessions, auctions, the official close, the band around it and halts."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from domain.commands import ChangePhase, Command, ExpireDue
from domain.engine import Engine
from domain.errors import InvalidInput
from domain.orders.auction import Clearing
from domain.orders.model import (
    Instrument,
    MarketClosed,
    OrderReason,
    OrderStatus,
    OrderType,
    PriceOutsideBand,
    SelfTradePrevention,
    TimeInForce,
    TradingPhase,
)
from domain.orders.schedule import next_due
from domain.orders.terms import Calendar, Session, Terms
from domain.orders.uncrossing import indicative
from tests import factories as make
from tests.domain.exchange import Exchange, picture
from tests.domain.orders.orders import order
from tests.factories import BUY, SELL

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


# ---------------------------------------------------------------- sessions


def test_a_calendar_runs_from_closed_through_the_auction_to_the_close() -> None:
    day = Day(datetime(2026, 7, 1, 5, tzinfo=UTC), calendar=CALENDAR)
    assert (day.phase, day.instrument.opens_at) == (CLOSED, datetime(2026, 7, 1, 7, 30, tzinfo=UTC))

    assert day.at(2026, 7, 1, 7, 29) == []
    assert phases_of(day.at(2026, 7, 1, 7, 30)) == [CALL_AUCTION]
    assert phases_of(day.at(2026, 7, 1, 8)) == [CONTINUOUS]
    assert phases_of(day.at(2026, 7, 1, 16)) == [CLOSED]
    assert day.instrument.opens_at == datetime(2026, 7, 2, 7, 30, tzinfo=UTC)
    day.at(2026, 7, 2, 16)
    assert day.instrument.opens_at == datetime(2026, 7, 6, 7, 30, tzinfo=UTC), "a holiday and a weekend lie between"


def test_boundaries_that_were_slept_through_come_in_their_order() -> None:
    day = Day(datetime(2026, 7, 1, 9, tzinfo=UTC), calendar=CALENDAR)
    order = make.buy(ALICE, 1_000, 50_000, time_in_force=TimeInForce.DAY)
    until_nine = make.buy(
        ALICE, 1_000, 50_000, time_in_force=TimeInForce.GTD, expires_at=datetime(2026, 7, 2, 7, 59, tzinfo=UTC)
    )
    day.order(order)
    day.order(until_nine)
    sells = make.sell(BOB, 1_000, 50_000)

    applied = day.at(2026, 7, 2, 9)

    kinds = [command.phase if isinstance(command, ChangePhase) else "EXPIRE" for command in applied]
    assert kinds == [CLOSED, "EXPIRE", CALL_AUCTION, "EXPIRE", CONTINUOUS]
    assert day.order(sells).status is OrderStatus.OPEN


def test_a_closed_market_refuses_orders_and_names_the_opening_but_lets_cancel() -> None:
    day = Day(datetime(2026, 7, 1, 9, tzinfo=UTC), calendar=CALENDAR)
    standing = make.buy(ALICE, 1_000, 50_000)
    day.order(standing)
    day.at(2026, 7, 1, 16)

    refused = day.refusal(make.buy(ALICE, 1_000, 50_000), MarketClosed)

    assert refused == {"opens_at": "2026-07-02T07:30:00+00:00"}
    assert day.order(make.cancel(standing)).status is OrderStatus.CANCELLED


def test_a_day_order_ends_with_the_session() -> None:
    day = Day(datetime(2026, 7, 1, 9, tzinfo=UTC), calendar=CALENDAR)

    order = day.order(make.buy(ALICE, 1_000, 50_000, time_in_force=TimeInForce.DAY))
    assert order.expires_at == datetime(2026, 7, 1, 16, tzinfo=UTC)
    day.at(2026, 7, 1, 16)

    assert day.state.orders == {}


def test_a_calendar_that_never_opens_again_leaves_the_market_closed() -> None:
    never = Calendar("UTC", (Session(0, time(9), time(9), time(10)),), frozenset(_days(date(2026, 7, 1), 500)))
    day = Day(calendar=Terms(calendar=never).as_values()["calendar"])

    assert (day.phase, day.instrument.phase_until, day.instrument.opens_at) == (CLOSED, None, None)
    assert day.refusal(make.buy(ALICE, 1_000, 50_000), MarketClosed) == {"opens_at": None}


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


# ---------------------------------------------------------------- the auction


def in_auction() -> Day:
    day = Day(datetime(2026, 7, 1, 5, tzinfo=UTC), calendar=CALENDAR)
    day.at(2026, 7, 1, 7, 40)
    return day


def test_an_auction_collects_and_then_trades_everybody_at_one_price() -> None:
    day = in_auction()
    market = day.state.markets[make.SYMBOL]
    high, low = make.buy(ALICE, 3_000, 51_000), make.buy(CAROL, 2_000, 50_000)
    for command in (high, low, make.sell(BOB, 4_000, 49_000)):
        assert day.order(command).status is OrderStatus.OPEN
    assert market.trade_sequence == 0

    day.at(2026, 7, 1, 8)

    assert market.trade_sequence == 2
    assert day.now_of(high).remaining == 0
    assert (day.now_of(low).remaining, day.now_of(low).status) == (1_000, OrderStatus.PARTIALLY_FILLED)
    assert day.now_of(high).average_price == day.now_of(low).average_price == 50_000
    assert day.balance(ALICE, make.MONEY) == (100_000_000 - 150, 0)
    assert day.balance(CAROL, make.MONEY) == (100_000_000 - 50 - 50, 50)
    assert day.balance(BOB, make.MONEY) == (100_000_000 + 200, 0)


def test_a_surplus_that_no_client_could_read_is_told_as_the_largest_number() -> None:
    market = in_auction().state.markets[make.SYMBOL]
    for side, quantity, price in ((BUY, 2**53 - 1, 3), (BUY, 2**53 - 1, 3), (SELL, 1_000, 1)):
        market.book.rest(order(side, quantity, price))

    assert indicative(market) == Clearing(2, 1_000, 2**53 - 1)


def test_an_auction_is_told_as_one() -> None:
    day = in_auction()
    day.order(make.buy(ALICE, 1_000, 50_000))
    day.order(make.sell(BOB, 1_000, 50_000))

    day.now = datetime(2026, 7, 1, 8, tzinfo=UTC)
    due = next_due(day.state, day.now)
    assert due is not None
    outcome = day.done(due)

    assert [trade.aggressor for trade, _ in outcome.trades] == [None]
    assert {owner for owner, *_ in outcome.news} == {ALICE, BOB}


@pytest.mark.parametrize(
    "fields",
    [
        {"time_in_force": TimeInForce.IOC},
        {"time_in_force": TimeInForce.FOK},
        {"post_only": True},
        {"type": OrderType.MARKET},
    ],
)
def test_an_auction_takes_only_what_can_wait(fields: dict[str, object]) -> None:
    day = in_auction()

    refused = day.refusal(make.buy(ALICE, 1_000, 50_000, **fields), MarketClosed)  # type: ignore[arg-type]

    assert refused == {"opens_at": "2026-07-01T08:00:00+00:00"}


def test_nothing_is_cancelled_in_the_last_minute_of_an_auction() -> None:
    day = in_auction()
    first, second = make.buy(ALICE, 1_000, 50_000), make.buy(ALICE, 1_000, 50_000)
    day.order(first)
    day.order(second)

    day.at(2026, 7, 1, 7, 58, 59)
    assert day.order(make.cancel(first)).reason is OrderReason.CANCELLED_BY_OWNER
    day.at(2026, 7, 1, 7, 59)
    assert day.refusal(make.cancel(second), MarketClosed) == {"opens_at": "2026-07-01T08:00:00+00:00"}
    day.at(2026, 7, 1, 8)
    assert day.order(make.cancel(second)).reason is OrderReason.CANCELLED_BY_OWNER


@pytest.mark.parametrize("mode", list(SelfTradePrevention))
def test_nobody_trades_with_themselves_in_an_auction(mode: SelfTradePrevention) -> None:
    day = in_auction()
    older, newer, other = (
        make.sell(ALICE, 1_000, 49_000),
        make.buy(ALICE, 1_000, 49_000, self_trade=mode),
        make.buy(BOB, 1_000, 50_000),
    )
    day.order(older)
    assert day.order(newer).reason is OrderReason.SELF_TRADE
    day.order(make.buy(ALICE, 1_000, 48_999))
    day.order(other)

    day.at(2026, 7, 1, 8)

    assert day.now_of(older).status is day.now_of(other).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    "change", [{"batch_seconds": 10}, {"calendar": None}, {"calendar": {**CALENDAR, "holidays": []}}]
)
def test_an_auction_ends_when_it_said_it_would_whatever_is_set_meanwhile(change: dict[str, object]) -> None:
    day = in_auction()
    day.order(make.buy(ALICE, 1_000, 50_000))
    day.order(make.sell(BOB, 1_000, 50_000))

    day.done(make.set_terms(**change))  # type: ignore[arg-type]

    assert day.tick() == []
    assert day.instrument.phase_until == datetime(2026, 7, 1, 8, tzinfo=UTC)
    assert day.at(2026, 7, 1, 8) != []
    assert day.state.markets[make.SYMBOL].trade_sequence == 1


def test_a_rest_that_halted_the_market_does_not_meet_its_own_order_in_the_auction() -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    own = make.sell(BOB, 1_000, 53_000)
    day.order(own)
    day.order(make.sell(ALICE, 1_000, 52_600))
    taker = make.buy(BOB, 2_000, 54_000)
    assert (day.order(taker).status, day.phase) == (OrderStatus.OPEN, HALTED)

    day.wait(minutes=5)
    day.wait(minutes=5)

    assert day.now_of(taker).reason is OrderReason.SELF_TRADE
    assert day.now_of(own).status is OrderStatus.OPEN


def test_frequent_batches_trade_by_auction_all_day() -> None:
    day = Day(batch_seconds=10)
    assert day.phase is CALL_AUCTION
    resting = make.sell(ALICE, 1_000, 50_000)
    day.order(resting)
    buying = make.buy(BOB, 1_000, 51_000)
    assert day.order(buying).status is OrderStatus.OPEN

    day.wait(seconds=10)

    assert day.phase is CALL_AUCTION
    assert day.now_of(buying).average_price == day.now_of(resting).average_price == 50_500
    assert day.instrument.phase_until == day.now + timedelta(seconds=10)
    standing = make.buy(BOB, 1_000, 40_000)
    day.order(standing)
    day.wait(hours=1)
    assert day.order(make.cancel(standing)).status is OrderStatus.CANCELLED


# ---------------------------------------------------------------- close and band


def test_the_official_close_is_the_mean_of_the_session_and_becomes_the_reference() -> None:
    day = Day()
    day.trade(50_000, 1_000)
    day.trade(53_000, 2_000)
    assert day.instrument.reference_price is None

    day.at(2026, 7, 2)

    assert (day.instrument.reference_price, day.instrument.price_floor, day.instrument.price_ceiling) == (
        52_000,
        46_800,
        57_200,
    )
    day.at(2026, 7, 3)
    assert day.instrument.reference_price == 52_000, "a session without a trade keeps the last close"
    day.trade(54_000)
    day.at(2026, 7, 4)
    assert day.instrument.reference_price == 54_000


def test_the_band_refuses_with_its_numbers() -> None:
    day = Day(reference_price=50_001, halt=None)
    assert day.refusal(make.buy(ALICE, 1_000, 55_002), PriceOutsideBand) == {"floor": 45_001, "ceiling": 55_001}
    assert day.refusal(make.sell(ALICE, 1_000, 45_000), PriceOutsideBand) == {"floor": 45_001, "ceiling": 55_001}
    assert day.order(make.buy(ALICE, 1_000, 55_001)).status is OrderStatus.OPEN

    day.done(make.set_terms(band=None))
    assert day.order(make.sell(BOB, 1_000, 1_000, time_in_force=TimeInForce.IOC)).status is OrderStatus.FILLED


def test_the_band_around_the_largest_price_ends_where_clients_cannot_read_on() -> None:
    assert Day(reference_price=2**53 - 1).instrument.price_ceiling == 2**53 - 1


def test_floor_and_ceiling_cut_the_band() -> None:
    day = Day(reference_price=50_000, price_floor=48_000, price_ceiling=60_000)
    assert (day.instrument.price_floor, day.instrument.price_ceiling) == (48_000, 55_000)

    day.done(make.set_terms(reference_price=40_000))
    assert (day.instrument.price_floor, day.instrument.price_ceiling) == (48_000, 48_000)


# ---------------------------------------------------------------- halts


def test_a_price_that_runs_away_halts_the_market_before_it_trades() -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    near, far = make.sell(ALICE, 1_000, 52_500), make.sell(ALICE, 1_000, 52_501)
    day.order(near)
    day.order(far)

    taker = make.buy(BOB, 2_000, 53_000)
    assert day.order(taker).remaining == 1_000

    assert (day.phase, day.instrument.opens_at) == (HALTED, make.NOON + timedelta(minutes=5))
    assert day.now_of(near).status is OrderStatus.FILLED
    assert day.refusal(make.buy(CAROL, 1_000, 50_000), MarketClosed) == {"opens_at": "2026-07-01T12:05:00+00:00"}
    assert phases_of(day.wait(minutes=5)) == [CALL_AUCTION]
    day.order(make.sell(CAROL, 1_000, 52_000))
    assert phases_of(day.wait(minutes=5)) == [CONTINUOUS]
    assert day.now_of(taker).status is OrderStatus.FILLED
    assert day.now_of(far).status is OrderStatus.OPEN


def test_after_an_auction_the_price_moves_from_where_it_traded() -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    day.order(make.sell(ALICE, 1_000, 52_501))
    day.order(make.buy(BOB, 1_000, 53_000))
    assert day.phase is HALTED
    day.wait(minutes=5)
    day.wait(minutes=5)
    assert day.phase is CONTINUOUS

    day.trade(54_500)
    assert day.phase is CONTINUOUS
    day.order(make.sell(ALICE, 1_000, 49_000))
    day.order(make.buy(BOB, 1_000, 49_000))
    assert day.phase is HALTED


def test_an_auction_without_a_trade_leaves_the_price_where_it_was() -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    day.order(make.sell(ALICE, 1_000, 54_000))
    for _ in range(2):
        day.order(make.buy(BOB, 1_000, 54_000, time_in_force=TimeInForce.IOC))
        assert day.phase is HALTED
        day.wait(minutes=5)
        assert phases_of(day.wait(minutes=5)) == [CONTINUOUS]


def test_a_slow_move_halts_nothing() -> None:
    day = Day(reference_price=50_000)
    for price in range(50_000, 54_001, 500):
        day.trade(price)
        day.wait(minutes=2)

    assert day.phase is CONTINUOUS


def test_a_longer_window_looks_further_back_whatever_was_looked_at_before() -> None:
    """A writer that starts again reads an hour of minutes: one that did not must know the same."""
    day = Day(reference_price=50_000)
    for price in (50_000, 52_000, 54_000):
        day.trade(price)
        day.wait(minutes=10)

    day.done(make.set_terms(halt_window=3_600))
    day.order(make.sell(ALICE, 1_000, 54_000))
    day.order(make.buy(BOB, 1_000, 54_000))

    assert day.phase is HALTED


def test_an_immediate_order_that_halts_the_market_ends_with_what_it_got() -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    day.order(make.sell(ALICE, 1_000, 54_000))

    order = day.order(make.buy(BOB, 1_000, 54_000, time_in_force=TimeInForce.IOC))

    assert (order.status, order.reason, day.phase) == (OrderStatus.CANCELLED, OrderReason.IOC_REMAINDER, HALTED)


def test_a_whole_order_that_would_halt_the_market_is_not_fillable_and_halts_nothing() -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    day.order(make.sell(ALICE, 1_000, 54_000))

    order = day.order(make.buy(BOB, 1_000, 54_000, time_in_force=TimeInForce.FOK))

    assert (order.reason, day.phase) == (OrderReason.FOK_NOT_FILLABLE, CONTINUOUS)


@pytest.mark.parametrize("mode", list(SelfTradePrevention))
def test_nobody_halts_the_market_with_an_order_of_their_own(mode: SelfTradePrevention) -> None:
    day = Day(reference_price=50_000)
    day.trade(50_000)
    day.order(make.sell(BOB, 1_000, 54_000))

    day.order(make.buy(BOB, 1_000, 54_000, self_trade=mode))

    assert day.phase is CONTINUOUS
    day.done(make.cancel_all(BOB))
    day.order(make.sell(ALICE, 1_000, 54_000))
    day.order(make.sell(BOB, 1_000, 53_000))
    day.order(make.buy(BOB, 3_000, 54_000, self_trade=SelfTradePrevention.CANCEL_OLDEST))
    assert day.phase is HALTED, "behind one's own is one of somebody else's"


def test_without_a_reference_the_market_looks_for_its_price() -> None:
    day = Day()
    day.trade(10_000)
    day.trade(90_000)

    assert day.phase is CONTINUOUS


def test_a_halt_ends_at_the_latest_with_the_session() -> None:
    day = Day(datetime(2026, 7, 1, 15, 58, tzinfo=UTC), calendar=CALENDAR, reference_price=50_000)
    day.trade(50_000)
    day.order(make.sell(ALICE, 1_000, 54_000))
    day.order(make.buy(BOB, 1_000, 54_000))
    assert (day.phase, day.instrument.phase_until) == (HALTED, datetime(2026, 7, 1, 16, tzinfo=UTC))

    assert phases_of(day.at(2026, 7, 1, 16)) == [CLOSED]
    assert day.instrument.reference_price == 50_000
    assert phases_of(day.at(2026, 7, 2, 8)) == [CALL_AUCTION, CONTINUOUS]
    assert day.state.orders == {}, "the crossing orders met in the opening auction"


# ---------------------------------------------------------------- replay


def test_a_day_of_phases_replays_to_the_same_state() -> None:
    day = in_auction()
    for command in (make.buy(ALICE, 3_000, 51_000), make.buy(CAROL, 3_000, 51_000), make.sell(BOB, 6_000, 49_000)):
        day.order(command)
    day.at(2026, 7, 1, 8)
    day.trade(50_000)
    day.at(2026, 7, 2, 9)
    day.trade(52_000)

    again = Engine()
    for command, now in day.log:
        again.apply(command, now)

    assert picture(again.state) == picture(day.state)
    assert again.state.digest() == day.state.digest()


def test_a_log_without_changes_of_session_ends_its_day_orders_at_midnight() -> None:
    """So began every log before there were sessions."""
    day = Day()
    day.forward(days=1)

    order = day.order(make.buy(ALICE, 1_000, 50_000, time_in_force=TimeInForce.DAY))

    assert order.expires_at == datetime(2026, 7, 3, tzinfo=UTC)


def test_expiry_may_stop_before_a_moment() -> None:
    day = Day()
    ends_at = day.now + timedelta(minutes=1)
    day.order(make.buy(ALICE, 1_000, 50_000, time_in_force=TimeInForce.GTD, expires_at=ends_at))
    day.forward(minutes=2)

    assert day.done(ExpireDue(caller=0, before=ends_at)).answer.data == {"ended": 0}
    assert day.done(ExpireDue(caller=0)).answer.data == {"ended": 1}


def test_a_symbol_that_is_not_there_is_named() -> None:
    day = Day()

    assert day.refusal(make.set_terms(band=0), InvalidInput) == {"field": "band"}
