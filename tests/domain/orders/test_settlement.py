"""Trades as entries: delivery versus payment, fees, and what a hold gives back."""

from dataclasses import replace

import pytest

from domain.orders.model import OrderSide, Trade
from domain.orders.rules import held_asset, held_by
from tests import factories as make
from tests.domain.exchange import Exchange
from tests.domain.orders.orders import INSTRUMENT
from tests.factories import ALICE, BOB, BUY, CAROL, MONEY, SELL, SYMBOL

FEES = 5


@pytest.mark.parametrize(
    ("side", "price", "grams", "fee", "held"),
    [
        (BUY, 50_000, 4_000, 0, 200),
        (BUY, 1_000_000, 4_000, 25, 4_010),
        (BUY, 1_000_001, 4_000, 25, 4_012),
        (BUY, 1_000_000, 0, 25, 0),
        (SELL, 1_000_000, 4_000, 25, 4_000),
        (SELL, 1_000_000, 0, 25, 0),
    ],
)
def test_what_an_order_reserves(side: OrderSide, price: int, grams: int, fee: int, held: int) -> None:
    assert held_by(side, price, grams, fee) == held


def test_a_buy_reserves_money_and_a_sell_grams() -> None:
    instrument = replace(INSTRUMENT)

    assert held_asset(BUY, instrument) is instrument.money
    assert held_asset(SELL, instrument) is instrument.asset


def test_a_trade_is_one_entry_of_grams_against_money(exchange: Exchange) -> None:
    maker = exchange.order(make.sell(ALICE, 4_000, 50_000))

    outcome = exchange.done(make.buy(BOB, 4_000, 50_000))

    taker = outcome.answer.state
    assert exchange.legs(outcome) == [
        ("ORDER_HOLD", f"order:{taker.id}", {(BOB, MONEY, False, -200), (BOB, MONEY, True, 200)}),
        (
            "TRADE",
            f"trade:{SYMBOL}:1",
            {
                (BOB, MONEY, True, -200),
                (ALICE, MONEY, False, 200),
                (ALICE, SYMBOL, True, -4_000),
                (BOB, SYMBOL, False, 4_000),
            },
        ),
    ]
    entry, *_ = outcome.entries[1]
    assert outcome.trades == [(Trade(1, 1, 50_000, 4_000, 200, taker.id, maker.id, 0, 0, BUY), entry)]


def test_a_taker_that_buys_pays_the_resting_price_and_its_fee_and_the_rest_is_free_at_once(
    exchange_with_fees: Exchange,
) -> None:
    exchange = exchange_with_fees
    maker = exchange.order(make.sell(ALICE, 4_000, 900_000))

    outcome = exchange.done(make.buy(BOB, 4_000, 1_000_000))

    taker = outcome.answer.state
    assert exchange.legs(outcome) == [
        ("ORDER_HOLD", f"order:{taker.id}", {(BOB, MONEY, False, -4_010), (BOB, MONEY, True, 4_010)}),
        (
            "TRADE",
            f"trade:{SYMBOL}:1",
            {
                (BOB, MONEY, True, -4_010),
                (BOB, MONEY, False, 401),
                (ALICE, MONEY, False, 3_597),
                (FEES, MONEY, False, 12),
                (ALICE, SYMBOL, True, -4_000),
                (BOB, SYMBOL, False, 4_000),
            },
        ),
    ]
    assert [trade for trade, _ in outcome.trades] == [Trade(1, 1, 900_000, 4_000, 3_600, taker.id, maker.id, 9, 3, BUY)]
    assert exchange.balance(BOB, MONEY) == (1_000_000 - 3_609, 0)
    assert exchange.balance(ALICE, MONEY) == (1_000_000 + 3_597, 0)
    assert exchange.balance(FEES, MONEY) == (12, 0)


def test_a_maker_that_buys_pays_the_lower_fee_and_gets_back_the_difference(exchange_with_fees: Exchange) -> None:
    exchange = exchange_with_fees
    maker = exchange.order(make.buy(ALICE, 4_000, 1_000_000))
    assert exchange.balance(ALICE, MONEY) == (1_000_000 - 4_010, 4_010)

    outcome = exchange.done(make.sell(BOB, 4_000, 900_000))

    taker = outcome.answer.state
    assert exchange.legs(outcome)[1][2] == {
        (ALICE, MONEY, True, -4_010),
        (ALICE, MONEY, False, 6),
        (BOB, MONEY, False, 3_990),
        (FEES, MONEY, False, 14),
        (BOB, SYMBOL, True, -4_000),
        (ALICE, SYMBOL, False, 4_000),
    }
    assert [trade for trade, _ in outcome.trades] == [
        Trade(1, 1, 1_000_000, 4_000, 4_000, maker.id, taker.id, 4, 10, SELL)
    ]


def test_a_resting_purchase_holds_after_each_fill_what_a_new_order_of_its_rest_would_hold(
    exchange_with_fees: Exchange,
) -> None:
    """1,234,567 a tonne at 25 basis points: 7 kg hold 8,642 + 22, 5 kg 6,173 + 16, 1 kg 1,235 + 4."""
    exchange = exchange_with_fees
    exchange.order(make.buy(ALICE, 7_000, 1_234_567))
    assert exchange.balance(ALICE, MONEY) == (1_000_000 - 8_664, 8_664)

    exchange.order(make.sell(BOB, 2_000, 1_234_567))
    # 2 kg are worth 2,469 with a fee of 2.
    assert exchange.balance(ALICE, MONEY) == (1_000_000 - 2_471 - 6_189, 6_189)

    exchange.order(make.sell(CAROL, 4_000, 1_234_567))
    # 4 kg are worth 4,938 with a fee of 4.
    assert exchange.balance(ALICE, MONEY) == (1_000_000 - 2_471 - 4_942 - 1_239, 1_239)

    exchange.order(make.sell(BOB, 1_000, 1_234_567))
    # 1 kg is worth 1,234 with a fee of 1.
    assert exchange.balance(ALICE, MONEY) == (1_000_000 - 2_471 - 4_942 - 1_235, 0)
    assert exchange.balance(ALICE, SYMBOL) == (107_000, 0)
    # The makers paid 2 + 4 + 1, the takers 6 + 12 + 3.
    assert exchange.balance(FEES, MONEY) == (28, 0)


def test_one_order_against_three_is_three_trades_in_order(exchange: Exchange) -> None:
    makers = [
        exchange.order(make.sell(owner, 1_000, price))
        for owner, price in ((ALICE, 52_000), (CAROL, 50_000), (ALICE, 51_000))
    ]

    outcome = exchange.done(make.buy(BOB, 3_000, 52_000))

    taker = outcome.answer.state.id
    assert [trade for trade, _ in outcome.trades] == [
        Trade(1, 1, 50_000, 1_000, 50, taker, makers[1].id, 0, 0, BUY),
        Trade(1, 2, 51_000, 1_000, 51, taker, makers[2].id, 0, 0, BUY),
        Trade(1, 3, 52_000, 1_000, 52, taker, makers[0].id, 0, 0, BUY),
    ]
    assert exchange.balance(BOB, MONEY) == (1_000_000 - 153, 0)


def test_the_value_is_rounded_down_for_both_legs(exchange: Exchange) -> None:
    """3 kg at 1,333 a tonne are 3.999; 4 are held, 3 change hands, 1 comes back."""
    exchange.order(make.sell(ALICE, 3_000, 1_333))

    exchange.order(make.buy(BOB, 3_000, 1_333))

    assert exchange.balance(BOB, MONEY) == (999_997, 0)
    assert exchange.balance(ALICE, MONEY) == (1_000_003, 0)


def test_cancelling_gives_back_what_the_rest_holds(exchange_with_fees: Exchange) -> None:
    exchange = exchange_with_fees
    command = make.buy(ALICE, 7_000, 1_234_567)
    order = exchange.order(command)
    exchange.order(make.sell(BOB, 2_000, 1_234_567))

    outcome = exchange.done(make.cancel(command))

    assert exchange.legs(outcome) == [
        ("ORDER_RELEASE", f"order:{order.id}", {(ALICE, MONEY, True, -6_189), (ALICE, MONEY, False, 6_189)})
    ]
    assert exchange.balance(ALICE, MONEY) == (1_000_000 - 2_471, 0)
