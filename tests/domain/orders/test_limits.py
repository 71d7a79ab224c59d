"""Limits of a market, each with its numbers: order sizes, open orders and holding of one person."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import PlaceOrder
from domain.errors import InsufficientBalance
from domain.orders.model import OrderLimitExceeded, OrderStatus, TimeInForce
from tests import factories as make
from tests.domain.exchange import Exchange
from tests.factories import ALICE, BOB, MONEY, SYMBOL

PRICE = 50_000


@pytest.fixture
def exchange(two_markets: Exchange) -> Exchange:
    return two_markets


def limit(exchange: Exchange, **terms: Any) -> None:
    instrument = exchange.state.markets[SYMBOL].instrument
    instrument.terms = replace(instrument.terms, **terms)


def refused(exchange: Exchange, command: PlaceOrder) -> str:
    """The message of the refusal, which moved nothing."""
    exchange.refusal(command, OrderLimitExceeded)
    return str(exchange.apply(command).answer.data["message"])


def test_an_order_has_a_smallest_and_a_largest_size(exchange: Exchange) -> None:
    limit(exchange, smallest_order=2_000, largest_order=4_000)

    too_small = refused(exchange, make.buy(ALICE, 1_000, PRICE))
    too_large = refused(exchange, make.sell(ALICE, 5_000, PRICE))

    assert too_small == "An order has at least 2000 g, this one has 1000 g."
    assert too_large == "An order has at most 4000 g, this one has 5000 g; place several."
    assert exchange.order(make.buy(ALICE, 2_000, PRICE)).status is OrderStatus.OPEN
    assert exchange.order(make.sell(BOB, 4_000, PRICE + 1)).status is OrderStatus.OPEN


def test_one_person_has_so_many_open_orders_in_one_market(exchange: Exchange) -> None:
    limit(exchange, open_orders=2)
    first, second = make.buy(ALICE, 1_000, PRICE), make.sell(ALICE, 1_000, PRICE + 10)
    exchange.apply_all([first, second])

    told = refused(exchange, make.buy(ALICE, 1_000, PRICE))

    assert told == f"You have 2 open orders in {SYMBOL}; at most 2 may stand at once."
    assert exchange.order(make.buy(BOB, 1_000, PRICE)).status is OrderStatus.OPEN
    exchange.order(make.buy(ALICE, 1_000, PRICE, symbol="PCA-PAR-2026"))
    exchange.order(make.cancel(first))
    assert exchange.order(make.buy(ALICE, 1_000, PRICE)).status is OrderStatus.OPEN


def test_an_order_that_cannot_rest_is_not_counted(exchange: Exchange) -> None:
    limit(exchange, open_orders=1)
    exchange.order(make.buy(ALICE, 1_000, PRICE))

    order = exchange.order(make.buy(ALICE, 1_000, PRICE, time_in_force=TimeInForce.IOC))

    assert order.status is OrderStatus.CANCELLED
    refused(exchange, make.buy(ALICE, 1_000, PRICE))


def test_a_filled_order_makes_room_for_another(exchange: Exchange) -> None:
    limit(exchange, open_orders=1)
    exchange.order(make.sell(ALICE, 1_000, PRICE))
    refused(exchange, make.sell(ALICE, 1_000, PRICE))

    exchange.order(make.buy(BOB, 1_000, PRICE))

    assert exchange.order(make.sell(ALICE, 1_000, PRICE)).status is OrderStatus.OPEN


def test_nobody_buys_more_than_one_person_may_hold(exchange: Exchange) -> None:
    limit(exchange, holding=25_000)
    exchange.order(make.sell(ALICE, 5_000, PRICE + 10))
    first = make.buy(ALICE, 3_000, PRICE)
    exchange.order(first)

    told = refused(exchange, make.buy(ALICE, 3_000, PRICE))

    assert told == (
        f"You have 20000 g of {SYMBOL} and open orders to buy 3000 g; with 3000 g more that is above the "
        "25000 g that one person may come to own by trading."
    )
    assert exchange.order(make.buy(ALICE, 2_000, PRICE)).status is OrderStatus.OPEN
    refused(exchange, make.buy(ALICE, 1_000, PRICE, time_in_force=TimeInForce.IOC))
    exchange.order(make.cancel(first))
    assert exchange.order(make.buy(ALICE, 3_000, PRICE)).status is OrderStatus.OPEN


def test_fills_turn_what_is_wanted_into_what_is_held(exchange: Exchange) -> None:
    limit(exchange, holding=25_000)
    exchange.order(make.buy(ALICE, 4_000, PRICE))
    exchange.order(make.sell(BOB, 3_000, PRICE))

    assert exchange.state.markets[SYMBOL].book.buying(ALICE) == 1_000
    refused(exchange, make.buy(ALICE, 2_000, PRICE))
    assert exchange.order(make.buy(ALICE, 1_000, PRICE)).status is OrderStatus.OPEN


def test_who_holds_too_much_may_sell(exchange: Exchange) -> None:
    limit(exchange, holding=10_000)

    assert exchange.order(make.sell(ALICE, 1_000, PRICE)).status is OrderStatus.OPEN


def test_a_limit_is_told_before_a_balance(exchange: Exchange) -> None:
    refusal = exchange.refusal(make.buy(ALICE, 30_000_000, PRICE), InsufficientBalance)
    assert refusal == {"asset": MONEY, "available": 1_000_000, "required": 1_503_750}

    limit(exchange, holding=25_000)

    refused(exchange, make.buy(ALICE, 30_000_000, PRICE))
