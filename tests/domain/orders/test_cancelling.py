"""Cancelling everything: at once, and by the dead-man timer."""

from datetime import datetime, timedelta

import pytest

from domain.errors import InvalidInput
from domain.orders.model import MarketClosed, OrderNotOpen, OrderReason, OrderStatus, TimeInForce, TradingPhase
from tests import factories as make
from tests.domain.exchange import Exchange, told
from tests.factories import ALICE, BOB, MONEY, SYMBOL

PRICE = 50_000
PAR = "PCA-PAR-2026"


@pytest.fixture
def exchange(two_markets: Exchange) -> Exchange:
    return two_markets


def test_cancel_all_orders_ends_the_callers_and_no_others(exchange: Exchange) -> None:
    mine = [
        make.sell(ALICE, 2_000, PRICE),
        make.buy(ALICE, 1_000, PRICE - 10),
        make.buy(ALICE, 1_000, PRICE, symbol=PAR),
    ]
    others = make.sell(BOB, 1_000, PRICE)
    exchange.apply_all([*mine, others])
    exchange.order(make.replace(mine[0], 3_000, PRICE))

    outcome = exchange.done(make.cancel_all(ALICE))

    assert outcome.answer.kind == "cancelled"
    assert outcome.answer.data == {"client_order_ids": [str(mine[each].key) for each in (1, 0, 2)], "left": 0}
    for command in mine:
        order = exchange.now_of(command)
        assert (order.status, order.reason) == (OrderStatus.CANCELLED, OrderReason.CANCELLED_BY_OWNER)
    assert exchange.now_of(others).status is OrderStatus.OPEN
    assert exchange.balance(ALICE, MONEY) == (1_000_000, 0)
    assert exchange.balance(ALICE, SYMBOL) == (20_000, 0)
    assert [payload[0] for payload in told(outcome, ALICE)] == ["O", "O", "O", "B", "B"]


def test_cancel_all_orders_of_one_market(exchange: Exchange) -> None:
    here, there = make.buy(ALICE, 1_000, PRICE), make.buy(ALICE, 1_000, PRICE, symbol=PAR)
    exchange.apply_all([here, there])

    exchange.done(make.cancel_all(ALICE, SYMBOL))

    assert exchange.now_of(here).status is OrderStatus.CANCELLED
    assert exchange.now_of(there).status is OrderStatus.OPEN
    assert exchange.refusal(make.cancel_all(ALICE, "PCA-NONE"), InvalidInput) == {"field": "symbol"}


def test_cancel_all_orders_again_finds_none(exchange: Exchange) -> None:
    exchange.done(make.buy(ALICE, 1_000, PRICE))
    exchange.done(make.cancel_all(ALICE))

    outcome = exchange.done(make.cancel_all(ALICE))

    assert outcome.answer.data == {"client_order_ids": [], "left": 0}
    assert outcome.news == []


def test_the_timer_cancels_all_orders_when_it_is_not_set_anew(exchange: Exchange) -> None:
    mine, others = make.sell(ALICE, 2_000, PRICE), make.sell(BOB, 1_000, PRICE)
    exchange.apply_all([mine, others])

    answer = exchange.done(make.cancel_all_after(ALICE, 60)).answer
    assert answer.kind == "timer"
    assert answer.data == {"runs_out": (exchange.now + timedelta(seconds=60)).isoformat()}
    exchange.forward(seconds=59)
    assert not exchange.state.is_due(exchange.now)
    exchange.forward(seconds=1)
    assert exchange.state.is_due(exchange.now)

    assert exchange.done(make.expire_due()).answer.data == {"ended": 1}

    order = exchange.now_of(mine)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, OrderReason.DEAD_MAN)
    assert exchange.now_of(others).status is OrderStatus.OPEN
    assert exchange.state.timers == {}
    exchange.refusal(make.cancel(mine), OrderNotOpen)
    exchange.done(make.sell(ALICE, 2_000, PRICE))
    assert not exchange.state.is_due(exchange.now + timedelta(days=9))


def test_each_call_sets_the_timer_anew_and_zero_switches_it_off(exchange: Exchange) -> None:
    exchange.done(make.sell(ALICE, 2_000, PRICE))
    for _ in range(50):
        exchange.done(make.cancel_all_after(ALICE, 60))
        exchange.forward(seconds=50)
        assert not exchange.state.is_due(exchange.now)
    assert len(exchange.state._deadlines) <= 2

    exchange.done(make.cancel_all_after(ALICE, 5))
    assert exchange.state.is_due(exchange.now + timedelta(seconds=5))
    assert exchange.done(make.cancel_all_after(ALICE, 0)).answer.data == {"runs_out": None}

    assert not exchange.state.is_due(exchange.now + timedelta(days=9))


@pytest.mark.parametrize("seconds", [-1, 1, 4, 3_601])
def test_the_timer_has_bounds(exchange: Exchange, seconds: int) -> None:
    exchange.done(make.cancel_all_after(ALICE, 3_600))

    assert exchange.refusal(make.cancel_all_after(ALICE, seconds), InvalidInput) == {"field": "seconds"}


def test_what_is_due_ends_in_the_order_of_its_time(exchange: Exchange) -> None:
    """An order that expires before the timer runs out is EXPIRED, one that would expire after it is cancelled."""
    early, late = (
        make.sell(
            ALICE, 1_000, PRICE, time_in_force=TimeInForce.GTD, expires_at=exchange.now + timedelta(seconds=seconds)
        )
        for seconds in (30, 90)
    )
    exchange.apply_all([early, late, make.cancel_all_after(ALICE, 60)])

    exchange.forward(minutes=5)

    assert exchange.done(make.expire_due()).answer.data == {"ended": 2}
    assert exchange.now_of(early).reason is OrderReason.EXPIRED
    assert exchange.now_of(late).reason is OrderReason.DEAD_MAN


# ---------------------------------------------------------------- in the last minute of an auction


def freeze(exchange: Exchange) -> datetime:
    """The market of LON collects for half a minute more; until then nothing can be cancelled there."""
    instrument = exchange.state.markets[SYMBOL].instrument
    instrument.phase, instrument.phase_until = TradingPhase.CALL_AUCTION, exchange.now + timedelta(seconds=30)
    return instrument.phase_until


def test_cancel_all_orders_leaves_what_an_auction_freezes_and_counts_it(exchange: Exchange) -> None:
    frozen, other = make.buy(ALICE, 1_000, PRICE), make.buy(ALICE, 1_000, PRICE, symbol=PAR)
    exchange.apply_all([frozen, other])
    freeze(exchange)

    outcome = exchange.done(make.cancel_all(ALICE))

    assert outcome.answer.data == {"client_order_ids": [str(other.key)], "left": 1}
    assert exchange.now_of(frozen).status is OrderStatus.OPEN


def test_nothing_is_replaced_in_the_last_minute_of_an_auction(exchange: Exchange) -> None:
    mine = make.buy(ALICE, 2_000, PRICE)
    exchange.done(mine)
    until = freeze(exchange)

    for quantity, price in [(1_000, PRICE), (2_000, PRICE + 1)]:
        refusal = exchange.refusal(make.replace(mine, quantity, price), MarketClosed)
        assert refusal == {"opens_at": until.isoformat()}


def test_the_timer_waits_for_what_an_auction_freezes(exchange: Exchange) -> None:
    frozen, other = make.buy(ALICE, 1_000, PRICE), make.buy(ALICE, 1_000, PRICE, symbol=PAR)
    exchange.apply_all([frozen, other, make.cancel_all_after(ALICE, 10)])
    until = freeze(exchange)

    exchange.forward(seconds=10)
    assert exchange.done(make.expire_due()).answer.data == {"ended": 1}
    assert exchange.now_of(other).reason is OrderReason.DEAD_MAN
    assert exchange.now_of(frozen).status is OrderStatus.OPEN
    assert exchange.state.timers == {ALICE: until}

    exchange.forward(seconds=20)
    assert exchange.done(make.expire_due()).answer.data == {"ended": 1}
    assert exchange.now_of(frozen).reason is OrderReason.DEAD_MAN
    assert exchange.state.timers == {}
