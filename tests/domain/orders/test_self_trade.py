"""Nobody trades with themselves: the four modes, what they free, and what they mean for fill-or-kill."""

import pytest

from domain.orders.model import OrderReason, OrderStatus, SelfTradePrevention, TimeInForce
from domain.units import purchase_hold
from tests import factories as make
from tests.domain.exchange import Exchange, told
from tests.factories import ALICE, BOB, BUY, MONEY, SELL, SYMBOL

PRICE = 1_234_567
NEWEST, OLDEST = SelfTradePrevention.CANCEL_NEWEST, SelfTradePrevention.CANCEL_OLDEST
BOTH, DECREMENT = SelfTradePrevention.CANCEL_BOTH, SelfTradePrevention.DECREMENT_AND_CANCEL
FEE = 25
"""Basis points: the higher of the market's two fees."""


@pytest.fixture
def exchange(two_markets: Exchange) -> Exchange:
    return two_markets


def test_cancel_newest_ends_the_incoming_order_and_is_the_default(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 3_000, PRICE)
    exchange.done(mine)

    order = exchange.order(make.buy(ALICE, 2_000, PRICE))

    assert (order.status, order.reason, order.remaining) == (OrderStatus.CANCELLED, OrderReason.SELF_TRADE, 2_000)
    assert exchange.now_of(mine).status is OrderStatus.OPEN
    assert exchange.balance(ALICE, MONEY) == (1_000_000, 0)


def test_cancel_oldest_ends_the_own_orders_in_the_way_and_goes_on(exchange: Exchange) -> None:
    first, second, behind = (
        make.sell(ALICE, 3_000, PRICE),
        make.sell(ALICE, 1_000, PRICE),
        make.sell(BOB, 2_000, PRICE),
    )
    exchange.apply_all([first, second, behind])

    order = exchange.order(make.buy(ALICE, 5_000, PRICE, self_trade=OLDEST))

    assert (order.status, order.filled, order.remaining) == (OrderStatus.PARTIALLY_FILLED, 2_000, 3_000)
    for mine in (first, second):
        ended = exchange.now_of(mine)
        assert (ended.status, ended.reason) == (OrderStatus.CANCELLED, OrderReason.SELF_TRADE)
        assert ended.remaining == ended.quantity
    assert exchange.balance(ALICE, SYMBOL) == (22_000, 0)
    assert exchange.levels(SELL) == []
    assert exchange.levels(BUY) == [(PRICE, 3_000, 1)]


def test_cancel_both_ends_the_incoming_order_and_the_one_it_met(exchange: Exchange) -> None:
    other, met, behind = make.sell(BOB, 1_000, PRICE), make.sell(ALICE, 3_000, PRICE), make.sell(ALICE, 1_000, PRICE)
    exchange.apply_all([other, met, behind])

    order = exchange.order(make.buy(ALICE, 2_000, PRICE, self_trade=BOTH))

    assert (order.status, order.reason, order.filled) == (OrderStatus.CANCELLED, OrderReason.SELF_TRADE, 1_000)
    assert exchange.now_of(met).reason is OrderReason.SELF_TRADE
    assert exchange.now_of(behind).status is OrderStatus.OPEN
    assert exchange.balance(ALICE, SYMBOL) == (20_000, 1_000)
    assert exchange.balance(ALICE, MONEY)[1] == 0


def test_decrement_and_cancel_makes_the_larger_resting_order_smaller_in_its_place(exchange: Exchange) -> None:
    mine, other = make.sell(ALICE, 5_000, PRICE), make.sell(BOB, 1_000, PRICE)
    exchange.apply_all([mine, other])

    outcome = exchange.done(make.buy(ALICE, 2_000, PRICE, self_trade=DECREMENT))

    order, reduced = outcome.answer.state, exchange.now_of(mine)
    assert (order.status, order.reason, order.remaining) == (OrderStatus.CANCELLED, OrderReason.SELF_TRADE, 2_000)
    assert (reduced.status, reduced.quantity, reduced.remaining) == (OrderStatus.OPEN, 3_000, 3_000)
    assert outcome.trades == []
    assert exchange.levels(SELL) == [(PRICE, 4_000, 2)]
    assert exchange.balance(ALICE, SYMBOL) == (17_000, 3_000)
    shown = [payload for payload in told(outcome, ALICE) if payload[:2] == ["O", reduced.id]]
    assert shown == [["O", reduced.id, 3_000, 0, "OPEN", None, 0, 3_000, PRICE, None]]
    assert exchange.done(make.buy(BOB, 1_000, PRICE)).trades[0][0].sell_order == reduced.id


def test_decrement_and_cancel_makes_the_larger_incoming_order_smaller(exchange: Exchange) -> None:
    """Several times in one command: what it holds is that of what is left, rounded once."""
    resting = [make.sell(ALICE, grams, PRICE) for grams in (1_000, 2_000)] + [make.sell(BOB, 1_000, PRICE)]
    exchange.apply_all(resting)

    order = exchange.order(make.buy(ALICE, 9_000, PRICE, self_trade=DECREMENT))

    assert (order.status, order.quantity, order.filled, order.remaining) == ("PARTIALLY_FILLED", 6_000, 1_000, 5_000)
    assert [exchange.now_of(mine).reason for mine in resting[:2]] == [OrderReason.SELF_TRADE] * 2
    assert exchange.balance(ALICE, MONEY)[1] == purchase_hold(PRICE, 5_000, FEE)
    assert exchange.balance(ALICE, SYMBOL) == (21_000, 0)
    assert exchange.levels(BUY) == [(PRICE, 5_000, 1)]


def test_decrement_and_cancel_ends_two_of_one_size(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 2_000, PRICE)
    exchange.done(mine)

    order = exchange.order(make.buy(ALICE, 2_000, PRICE, self_trade=DECREMENT))

    assert (order.status, order.reason, order.remaining) == (OrderStatus.CANCELLED, OrderReason.SELF_TRADE, 2_000)
    assert exchange.now_of(mine).reason is OrderReason.SELF_TRADE
    assert exchange.balance(ALICE, MONEY) == (1_000_000, 0)
    assert exchange.balance(ALICE, SYMBOL) == (20_000, 0)


@pytest.mark.parametrize(("mode", "fills"), [(NEWEST, False), (OLDEST, True), (BOTH, False), (DECREMENT, False)])
def test_fill_or_kill_fills_past_own_orders_only_where_they_are_cancelled_for_it(
    exchange: Exchange, mode: SelfTradePrevention, fills: bool
) -> None:
    mine = make.sell(ALICE, 1_000, PRICE)
    exchange.apply_all([make.sell(BOB, 1_000, PRICE), mine, make.sell(BOB, 1_000, PRICE)])

    order = exchange.order(make.buy(ALICE, 2_000, PRICE, time_in_force=TimeInForce.FOK, self_trade=mode))

    if fills:
        assert (order.status, order.filled) == (OrderStatus.FILLED, 2_000)
        assert exchange.now_of(mine).reason is OrderReason.SELF_TRADE
    else:
        assert (order.status, order.reason) == (OrderStatus.CANCELLED, OrderReason.FOK_NOT_FILLABLE)
        assert exchange.now_of(mine).status is OrderStatus.OPEN
        assert exchange.levels(SELL) == [(PRICE, 3_000, 3)]


def test_the_incoming_orders_mode_decides(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 1_000, PRICE, self_trade=BOTH)
    exchange.done(mine)

    exchange.order(make.buy(ALICE, 1_000, PRICE, self_trade=OLDEST))

    assert exchange.levels(BUY) == [(PRICE, 1_000, 1)]
    assert exchange.now_of(mine).reason is OrderReason.SELF_TRADE


def test_an_order_for_which_nothing_was_said_has_the_hash_it_always_had() -> None:
    plain, said = make.buy(ALICE, 1_000, PRICE), make.buy(ALICE, 1_000, PRICE, self_trade=OLDEST)

    assert "self_trade" not in plain.values()
    assert said.values()["self_trade"] == "CANCEL_OLDEST"
