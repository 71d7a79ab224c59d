"""Another quantity or price for an order that stands: its place, its hold, what it may trade at once."""

from datetime import timedelta

import pytest

from domain.commands import PlaceOrder
from domain.errors import InsufficientBalance, InvalidInput, NotFound
from domain.orders.model import (
    OrderLimitExceeded,
    OrderNotOpen,
    OrderReason,
    OrderStatus,
    SelfTradePrevention,
    TimeInForce,
)
from domain.orders.terms import Terms
from domain.units import purchase_hold
from tests import factories as make
from tests.domain.exchange import Exchange, told
from tests.factories import ALICE, BOB, BUY, CAROL, MONEY, SELL, SYMBOL

PRICE = 1_234_567
FEE = 25


@pytest.fixture
def exchange(two_markets: Exchange) -> Exchange:
    return two_markets


def queue(exchange: Exchange, price: int = PRICE) -> list[int]:
    level = exchange.state.markets[SYMBOL].book.asks.levels[-price]
    return [order.id for order in level.resting()]


def placed(exchange: Exchange, command: PlaceOrder) -> int:
    return exchange.order(command).id


def test_an_order_keeps_its_place_when_only_its_quantity_falls(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 5_000, PRICE)
    first, second = placed(exchange, mine), placed(exchange, make.sell(BOB, 1_000, PRICE))

    order = exchange.order(make.replace(mine, 2_000, PRICE))

    assert (order.id, order.quantity, order.remaining, order.status) == (first, 2_000, 2_000, OrderStatus.OPEN)
    assert order.sequence == first
    assert order.client_order_id == mine.key
    assert queue(exchange) == [first, second]
    assert exchange.levels(SELL) == [(PRICE, 3_000, 2)]
    assert exchange.balance(ALICE, SYMBOL) == (18_000, 2_000)


@pytest.mark.parametrize(("quantity", "price"), [(6_000, PRICE), (5_000, PRICE + 1), (2_000, PRICE - 1)])
def test_an_order_goes_to_the_end_of_the_queue_when_anything_else_changes(
    exchange: Exchange, quantity: int, price: int
) -> None:
    mine = make.sell(ALICE, 5_000, PRICE)
    first, other = placed(exchange, mine), placed(exchange, make.sell(BOB, 1_000, price))

    order = exchange.order(make.replace(mine, quantity, price))

    assert (order.id, order.quantity, order.price) == (first, quantity, price)
    assert order.sequence == exchange.state.command_sequence
    assert queue(exchange, price) == [other, first]
    assert exchange.balance(ALICE, SYMBOL) == (20_000 - quantity, quantity)
    assert exchange.state.markets[SYMBOL].book.orders_of(ALICE)[0].sequence == order.sequence


def test_the_same_again_changes_nothing_and_tells_nobody(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 5_000, PRICE)
    exchange.done(mine)

    outcome = exchange.done(make.replace(mine, 5_000, PRICE))

    assert outcome.news == []
    assert outcome.answer.state == exchange.now_of(mine)


def test_a_replaced_order_may_trade_at_once(exchange: Exchange) -> None:
    bid = make.buy(BOB, 2_000, PRICE - 10)
    mine = make.sell(ALICE, 3_000, PRICE)
    exchange.apply_all([bid, mine])

    outcome = exchange.done(make.replace(mine, 3_000, PRICE - 20))

    [(trade, _)] = outcome.trades
    assert (trade.price, trade.quantity, trade.aggressor) == (PRICE - 10, 2_000, SELL)
    order = outcome.answer.state
    assert (order.status, order.filled, order.remaining) == (OrderStatus.PARTIALLY_FILLED, 2_000, 1_000)
    assert exchange.levels(SELL) == [(PRICE - 20, 1_000, 1)]


def test_quantity_is_the_whole_with_what_is_filled(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 5_000, PRICE)
    exchange.apply_all([mine, make.buy(BOB, 2_000, PRICE)])

    assert exchange.refusal(make.replace(mine, 2_000, PRICE), InvalidInput) == {"field": "quantity"}
    assert exchange.refusal(make.replace(mine, 1_000, PRICE + 1), InvalidInput) == {"field": "quantity"}
    order = exchange.order(make.replace(mine, 3_000, PRICE + 1))

    assert (order.status, order.filled, order.remaining) == (OrderStatus.PARTIALLY_FILLED, 2_000, 1_000)
    assert exchange.balance(ALICE, SYMBOL) == (17_000, 1_000)


def test_a_replaced_buy_holds_what_its_new_terms_need(exchange: Exchange) -> None:
    mine = make.buy(ALICE, 3_000, PRICE)
    exchange.done(mine)
    for quantity, price in [(5_000, PRICE + 7), (5_000, PRICE - 900_001), (1_000, PRICE - 900_001)]:
        exchange.order(make.replace(mine, quantity, price))

        held = purchase_hold(price, quantity, FEE)
        assert exchange.balance(ALICE, MONEY) == (1_000_000 - held, held)


def test_a_replacement_that_cannot_be_paid_changes_nothing(exchange: Exchange) -> None:
    mine = make.buy(ALICE, 3_000, PRICE)
    exchange.done(mine)
    held, needed = purchase_hold(PRICE, 3_000, FEE), purchase_hold(PRICE, 900_000, FEE)

    refusal = exchange.refusal(make.replace(mine, 900_000, PRICE), InsufficientBalance)

    assert refusal == {"asset": MONEY, "available": 1_000_000 - held, "required": needed - held}
    assert exchange.levels(BUY) == [(PRICE, 3_000, 1)]


def test_a_post_only_order_that_would_trade_at_its_new_price_is_rejected(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 3_000, PRICE, post_only=True)
    exchange.apply_all([mine, make.buy(BOB, 1_000, PRICE - 10)])

    outcome = exchange.done(make.replace(mine, 3_000, PRICE - 10))

    order = outcome.answer.state
    assert (order.status, order.reason) == (OrderStatus.REJECTED, OrderReason.POST_ONLY_WOULD_TRADE)
    assert outcome.trades == []
    assert exchange.balance(ALICE, SYMBOL) == (20_000, 0)
    assert exchange.levels(SELL) == []


def test_only_ones_own_open_order_can_be_replaced(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 3_000, PRICE)
    unknown = make.replace(make.sell(ALICE, 1_000, PRICE), 1_000, PRICE)
    assert exchange.refusal(unknown, NotFound) == {}
    exchange.done(mine)
    others = make.replace(make.sell(BOB, 1_000, PRICE, key=mine.key), 1_000, PRICE)
    assert exchange.refusal(others, NotFound) == {}
    exchange.done(make.cancel(mine))

    assert exchange.refusal(make.replace(mine, 1_000, PRICE), OrderNotOpen) == {}


def test_a_replacement_keeps_to_tick_lot_and_limits(exchange: Exchange) -> None:
    mine = make.buy(ALICE, 3_000, PRICE)
    exchange.done(mine)
    exchange.state.markets[SYMBOL].instrument.terms = Terms(
        smallest_order=2_000, largest_order=6_000, holding=25_000, open_orders=1
    )

    for quantity, price, field in [(1_500, PRICE, "quantity"), (3_000, 0, "price"), (0, PRICE, "quantity")]:
        assert exchange.refusal(make.replace(mine, quantity, price), InvalidInput) == {"field": field}
    for quantity in (1_000, 6_000, 7_000):
        assert exchange.refusal(make.replace(mine, quantity, PRICE), OrderLimitExceeded) == {}
    assert exchange.order(make.replace(mine, 5_000, PRICE + 1)).quantity == 5_000


def test_a_replaced_order_treats_its_owners_orders_as_it_was_told_when_placed(exchange: Exchange) -> None:
    mine = make.buy(ALICE, 2_000, PRICE - 10, self_trade=SelfTradePrevention.CANCEL_OLDEST)
    other = make.sell(ALICE, 1_000, PRICE)
    exchange.apply_all([mine, other])

    order = exchange.order(make.replace(mine, 2_000, PRICE))

    assert order.status is OrderStatus.OPEN
    assert exchange.now_of(other).reason is OrderReason.SELF_TRADE


def test_a_replaced_order_ends_when_it_would_have_ended(exchange: Exchange) -> None:
    mine = make.sell(
        ALICE, 2_000, PRICE, time_in_force=TimeInForce.GTD, expires_at=exchange.now + timedelta(minutes=10)
    )
    exchange.done(mine)
    exchange.order(make.replace(mine, 3_000, PRICE))
    exchange.order(make.replace(mine, 4_000, PRICE))

    exchange.forward(minutes=10)

    assert exchange.done(make.expire_due()).answer.data == {"ended": 1}
    assert exchange.now_of(mine).status is OrderStatus.EXPIRED
    assert not exchange.state.is_due(exchange.now + timedelta(days=9))


def test_news_show_quantity_price_and_place_as_they_were_then(exchange: Exchange) -> None:
    mine = make.sell(ALICE, 3_000, PRICE)
    number = placed(exchange, mine)

    replaced = exchange.done(make.replace(mine, 4_000, PRICE + 5))
    filled = exchange.done(make.buy(CAROL, 1_000, PRICE + 5))

    terms = [4_000, PRICE + 5, replaced.sequence]
    notional = 1_000 * (PRICE + 5)
    assert told(replaced, ALICE)[0] == ["O", number, 4_000, 0, "OPEN", None, 0, *terms]
    assert told(filled, ALICE)[:2] == [
        ["T", number, 3_000, notional, "PARTIALLY_FILLED", None, 1, 1, *terms],
        ["O", number, 3_000, notional, "PARTIALLY_FILLED", None, 1, *terms],
    ]
