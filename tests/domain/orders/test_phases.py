"""Phases from the clock: sessions, what a calendar asks for, and their replay."""

from datetime import UTC, date, datetime, time, timedelta

from domain.commands import ChangePhase, ExpireDue
from domain.engine import Engine
from domain.errors import InvalidInput
from domain.orders.model import MarketClosed, OrderStatus, TimeInForce
from domain.orders.terms import Calendar, Session, Terms
from tests import factories as make
from tests.domain.exchange import picture
from tests.domain.orders.day import (
    ALICE,
    BOB,
    CALENDAR,
    CALL_AUCTION,
    CAROL,
    CLOSED,
    CONTINUOUS,
    Day,
    in_auction,
    phases_of,
)


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
