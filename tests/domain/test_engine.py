"""The engine as a whole: what each kind of order becomes, refusals, expiry, counters."""

from datetime import timedelta
from typing import Any

import pytest

from domain.commands import Command
from domain.errors import InsufficientBalance, InvalidInput, NotFound
from domain.orders.model import Order, OrderNotOpen, OrderReason, OrderSide, OrderStatus, OrderType, TimeInForce
from tests import factories as make
from tests.domain.conftest import funded
from tests.domain.exchange import Exchange, effects, picture, stored
from tests.factories import ALICE, BOB, BUY, CAROL, MONEY, NOON, SELL, SYMBOL

DAY, GTD, IOC, FOK = TimeInForce.DAY, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK
MARKET = OrderType.MARKET


def outcome_of(order: Order) -> tuple[str, str | None, int]:
    return order.status, order.reason, order.filled


# ---------------------------------------------------------------- what an order becomes


@pytest.mark.parametrize(
    ("fields", "status", "reason", "filled", "rests"),
    [
        # Against 2 kg at 50,000 and 2 kg at 51,000; the order wants 3 kg at 50,000 at most.
        ({}, "PARTIALLY_FILLED", None, 2_000, True),
        ({"time_in_force": DAY}, "PARTIALLY_FILLED", None, 2_000, True),
        ({"time_in_force": GTD, "expires_at": NOON + timedelta(hours=1)}, "PARTIALLY_FILLED", None, 2_000, True),
        ({"time_in_force": IOC}, "CANCELLED", "IOC_REMAINDER", 2_000, False),
        ({"time_in_force": FOK}, "CANCELLED", "FOK_NOT_FILLABLE", 0, False),
        ({"type": MARKET}, "CANCELLED", "IOC_REMAINDER", 2_000, False),
        ({"type": MARKET, "time_in_force": IOC}, "CANCELLED", "IOC_REMAINDER", 2_000, False),
        ({"type": MARKET, "time_in_force": FOK}, "CANCELLED", "FOK_NOT_FILLABLE", 0, False),
        ({"post_only": True}, "REJECTED", "POST_ONLY_WOULD_TRADE", 0, False),
        # The same with a limit that takes both levels.
        ({"price": 51_000}, "FILLED", None, 3_000, False),
        ({"price": 51_000, "time_in_force": DAY}, "FILLED", None, 3_000, False),
        ({"price": 51_000, "time_in_force": IOC}, "FILLED", None, 3_000, False),
        ({"price": 51_000, "time_in_force": FOK}, "FILLED", None, 3_000, False),
        ({"price": 51_000, "type": MARKET}, "FILLED", None, 3_000, False),
        ({"price": 51_000, "type": MARKET, "time_in_force": FOK}, "FILLED", None, 3_000, False),
        ({"price": 51_000, "post_only": True}, "REJECTED", "POST_ONLY_WOULD_TRADE", 0, False),
        # And with one below the book.
        ({"price": 49_999}, "OPEN", None, 0, True),
        ({"price": 49_999, "post_only": True}, "OPEN", None, 0, True),
        ({"price": 49_999, "time_in_force": DAY, "post_only": True}, "OPEN", None, 0, True),
        ({"price": 49_999, "time_in_force": IOC}, "CANCELLED", "IOC_REMAINDER", 0, False),
        ({"price": 49_999, "time_in_force": FOK}, "CANCELLED", "FOK_NOT_FILLABLE", 0, False),
        ({"price": 49_999, "type": MARKET}, "CANCELLED", "IOC_REMAINDER", 0, False),
    ],
)
def test_what_becomes_of_a_purchase(
    exchange: Exchange, fields: dict[str, Any], status: str, reason: str | None, filled: int, rests: bool
) -> None:
    exchange.order(make.sell(ALICE, 2_000, 50_000))
    exchange.order(make.sell(ALICE, 2_000, 51_000))

    command = make.buy(BOB, 3_000, **({"price": 50_000} | fields))
    order = exchange.order(command)

    assert outcome_of(order) == (status, reason, filled)
    assert order.remaining == 3_000 - filled
    paid = {0: 0, 2_000: 100, 3_000: 151}[filled]
    held = -(-order.price * order.remaining // 1_000_000) if rests else 0
    assert exchange.balance(BOB, MONEY) == (1_000_000 - paid - held, held)
    assert exchange.balance(BOB, SYMBOL) == (100_000 + filled, 0)
    assert exchange.balance(ALICE, MONEY) == (1_000_000 + paid, 0)
    assert exchange.balance(ALICE, SYMBOL) == (96_000, 4_000 - filled)
    assert exchange.levels(BUY) == ([(order.price, order.remaining, 1)] if rests else [])
    assert ((BOB, command.key) in exchange.state.orders) is rests


@pytest.mark.parametrize(
    ("fields", "status", "reason", "filled"),
    [
        ({}, "PARTIALLY_FILLED", None, 2_000),
        ({"time_in_force": IOC}, "CANCELLED", "IOC_REMAINDER", 2_000),
        ({"time_in_force": FOK}, "CANCELLED", "FOK_NOT_FILLABLE", 0),
        ({"type": MARKET}, "CANCELLED", "IOC_REMAINDER", 2_000),
        ({"post_only": True}, "REJECTED", "POST_ONLY_WOULD_TRADE", 0),
        ({"price": 49_000}, "FILLED", None, 3_000),
        ({"price": 49_000, "time_in_force": FOK}, "FILLED", None, 3_000),
        ({"price": 50_001}, "OPEN", None, 0),
    ],
)
def test_what_becomes_of_a_sale(
    exchange: Exchange, fields: dict[str, Any], status: str, reason: str | None, filled: int
) -> None:
    exchange.order(make.buy(ALICE, 2_000, 49_000))
    exchange.order(make.buy(ALICE, 2_000, 50_000))

    order = exchange.order(make.sell(BOB, 3_000, **({"price": 50_000} | fields)))

    assert outcome_of(order) == (status, reason, filled)
    earned = {0: 0, 2_000: 100, 3_000: 149}[filled]
    held = order.remaining if order.status in ("OPEN", "PARTIALLY_FILLED") else 0
    assert exchange.balance(BOB, MONEY) == (1_000_000 + earned, 0)
    assert exchange.balance(BOB, SYMBOL) == (100_000 - filled - held, held)


def test_an_order_is_what_was_asked_for(exchange: Exchange) -> None:
    expires_at = NOON + timedelta(days=3)
    command = make.sell(ALICE, 4_000, 50_000, time_in_force=GTD, expires_at=expires_at, post_only=True)

    order = exchange.order(command)

    assert order == Order(
        id=exchange.state.command_sequence,
        owner=ALICE,
        client_order_id=command.key,  # type: ignore[arg-type]
        instrument=exchange.state.markets[SYMBOL].instrument,
        side=SELL,
        type=OrderType.LIMIT,
        time_in_force=GTD,
        price=50_000,
        quantity=4_000,
        post_only=True,
        placed_at=NOON,
        expires_at=expires_at,
        remaining=4_000,
    )
    assert order.sequence == order.id
    assert order.average_price is None


@pytest.mark.parametrize("time_in_force", [TimeInForce.GTC, IOC])
def test_a_market_order_is_stored_as_ioc(exchange: Exchange, time_in_force: TimeInForce) -> None:
    order = exchange.order(make.buy(BOB, 1_000, 50_000, type=MARKET, time_in_force=time_in_force))

    assert (order.type, order.time_in_force, order.price) == (MARKET, IOC, 50_000)


def test_a_maker_is_filled_step_by_step(exchange: Exchange) -> None:
    command = make.sell(ALICE, 3_000, 50_000)
    assert outcome_of(exchange.order(command)) == ("OPEN", None, 0)

    exchange.order(make.buy(BOB, 1_000, 50_000))
    assert outcome_of(exchange.now_of(command)) == ("PARTIALLY_FILLED", None, 1_000)
    assert exchange.levels(SELL) == [(50_000, 2_000, 1)]

    exchange.order(make.buy(CAROL, 2_000, 50_000))
    assert outcome_of(exchange.now_of(command)) == ("FILLED", None, 3_000)
    assert exchange.levels(SELL) == []
    assert exchange.state.orders == {}


def test_price_then_time_decides_and_the_rest_waits_behind(exchange: Exchange) -> None:
    dear = make.sell(ALICE, 1_000, 52_000)
    first, second = make.sell(ALICE, 2_000, 50_000), make.sell(CAROL, 2_000, 50_000)
    exchange.apply_all([dear, first, second])

    outcome = exchange.done(make.buy(BOB, 3_000, 55_000))

    ids = [exchange.now_of(command).id for command in (first, second)]
    assert [(trade.sell_order, trade.price, trade.quantity) for trade, _ in outcome.trades] == [
        (ids[0], 50_000, 2_000),
        (ids[1], 50_000, 1_000),
    ]
    assert exchange.levels(SELL) == [(50_000, 1_000, 1), (52_000, 1_000, 1)]


@pytest.mark.parametrize(
    ("fills", "average"),
    [
        ([(1_000, 50_000)], 50_000),
        ([(1_000, 50_000), (2_000, 51_000)], 50_666),
        ([(1_000, 1_000), (1_000, 1_001)], 1_000),
    ],
)
def test_the_average_price_is_weighted_by_grams_and_rounded_down(
    exchange: Exchange, fills: list[tuple[int, int]], average: int
) -> None:
    for quantity, price in fills:
        exchange.order(make.sell(ALICE, quantity, price))

    order = exchange.order(make.buy(BOB, sum(quantity for quantity, _ in fills), 60_000))

    assert order.average_price == average
    assert order.notional == sum(quantity * price for quantity, price in fills)


# ---------------------------------------------------------------- one's own orders


@pytest.mark.parametrize("time_in_force", [TimeInForce.GTC, DAY, IOC])
def test_an_order_that_meets_ones_own_is_cancelled_for_the_rest(exchange: Exchange, time_in_force: TimeInForce) -> None:
    others = make.sell(ALICE, 1_000, 50_000)
    own = make.sell(BOB, 5_000, 50_000)
    behind = make.sell(ALICE, 5_000, 50_000)
    exchange.apply_all([others, own, behind])

    order = exchange.order(make.buy(BOB, 3_000, 50_000, time_in_force=time_in_force))

    assert outcome_of(order) == ("CANCELLED", "SELF_TRADE", 1_000)
    assert exchange.balance(BOB, MONEY) == (1_000_000 - 50, 0)
    assert outcome_of(exchange.now_of(own)) == ("OPEN", None, 0)
    assert outcome_of(exchange.now_of(behind)) == ("OPEN", None, 0)
    assert exchange.levels(SELL) == [(50_000, 10_000, 2)]


def test_fill_or_kill_that_would_meet_ones_own_is_not_fillable(exchange: Exchange) -> None:
    exchange.apply_all(
        [make.sell(ALICE, 1_000, 50_000), make.sell(BOB, 5_000, 50_000), make.sell(ALICE, 5_000, 50_000)]
    )

    order = exchange.order(make.buy(BOB, 3_000, 50_000, time_in_force=FOK))

    assert outcome_of(order) == ("CANCELLED", "FOK_NOT_FILLABLE", 0)


def test_post_only_against_ones_own_is_rejected(exchange: Exchange) -> None:
    exchange.order(make.sell(BOB, 5_000, 50_000))

    assert outcome_of(exchange.order(make.buy(BOB, 1_000, 50_000, post_only=True))) == (
        "REJECTED",
        "POST_ONLY_WOULD_TRADE",
        0,
    )


def test_an_order_that_is_filled_before_it_meets_ones_own_is_filled(exchange: Exchange) -> None:
    exchange.apply_all([make.sell(ALICE, 1_000, 50_000), make.sell(BOB, 5_000, 50_000)])

    assert outcome_of(exchange.order(make.buy(BOB, 1_000, 50_000))) == ("FILLED", None, 1_000)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"symbol": "PCA-LON-1999"}, "symbol"),
        ({"symbol": MONEY}, "symbol"),
        ({"quantity": 1_500}, "quantity"),
        ({"quantity": 0}, "quantity"),
        ({"price": 999}, "price"),
        ({"price": 0}, "price"),
        ({"type": MARKET, "time_in_force": DAY}, "timeInForce"),
        ({"post_only": True, "time_in_force": IOC}, "postOnly"),
        ({"time_in_force": GTD, "expires_at": NOON}, "expiresAt"),
        ({"expires_at": NOON + timedelta(days=1)}, "expiresAt"),
        ({"key": None}, "clientOrderId"),
        ({"quantity": 10**15, "price": 10**10}, "quantity"),
    ],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_wrong_input_is_refused_and_moves_nothing(
    exchange: Exchange, side: OrderSide, fields: dict[str, Any], named: str
) -> None:
    exchange.order(make.sell(ALICE, 1_000, 50_000))

    refusal = exchange.refusal(make.place(BOB, side, **({"quantity": 1_000, "price": 50_000} | fields)), InvalidInput)

    assert refusal == {"field": named}


@pytest.mark.parametrize(
    ("side", "quantity", "price", "asset", "available", "required"),
    [
        (BUY, 101_000, 10_000_000, MONEY, 1_000_000, 1_012_525),
        (BUY, 100_000, 10_000_000, MONEY, 1_000_000, 1_002_500),
        (SELL, 101_000, 50_000, SYMBOL, 100_000, 101_000),
    ],
)
def test_one_must_have_what_the_order_holds(
    exchange_with_fees: Exchange, side: OrderSide, quantity: int, price: int, asset: str, available: int, required: int
) -> None:
    refusal = exchange_with_fees.refusal(make.place(BOB, side, quantity, price), InsufficientBalance)

    assert refusal == {"asset": asset, "available": available, "required": required}


def test_the_last_penny_and_the_last_gram_can_be_held(exchange_with_fees: Exchange) -> None:
    exchange = exchange_with_fees
    exchange.done(make.deposit(BOB, 2_500))

    exchange.order(make.buy(BOB, 100_000, 10_000_000))
    exchange.order(make.sell(CAROL, 100_000, 20_000_000))

    assert exchange.balance(BOB, MONEY) == (0, 1_002_500)
    assert exchange.balance(CAROL, SYMBOL) == (0, 100_000)
    assert exchange.refusal(make.buy(BOB, 1_000, 1_000), InsufficientBalance) == {
        "asset": MONEY,
        "available": 0,
        "required": 2,
    }
    assert exchange.refusal(make.sell(CAROL, 1_000, 1_000), InsufficientBalance) == {
        "asset": SYMBOL,
        "available": 0,
        "required": 1_000,
    }


@pytest.mark.parametrize("time_in_force", [IOC, FOK])
def test_a_limit_that_one_cannot_pay_is_refused_even_where_the_book_is_cheap(
    exchange: Exchange, time_in_force: TimeInForce
) -> None:
    exchange.order(make.sell(ALICE, 1_000, 1_000))

    refusal = exchange.refusal(make.buy(BOB, 1_000, 2_000_000_000, time_in_force=time_in_force), InsufficientBalance)

    assert refusal == {"asset": MONEY, "available": 1_000_000, "required": 2_000_000}


def test_grams_on_sale_can_neither_be_sold_twice_nor_converted(exchange: Exchange) -> None:
    exchange.order(make.sell(ALICE, 99_000, 50_000))

    exchange.refusal(make.sell(ALICE, 2_000, 50_000), InsufficientBalance)
    assert exchange.refusal(make.convert(ALICE, 2_000), InsufficientBalance) == {
        "asset": SYMBOL,
        "available": 1_000,
        "required": 2_000,
    }


# ---------------------------------------------------------------- cancel


def test_cancelling_frees_the_rest_and_says_so(exchange: Exchange) -> None:
    command = make.sell(ALICE, 3_000, 50_000)
    exchange.order(command)
    exchange.order(make.buy(BOB, 1_000, 50_000))

    order = exchange.order(make.cancel(command))

    assert outcome_of(order) == ("CANCELLED", "CANCELLED_BY_OWNER", 1_000)
    assert order.remaining == 2_000
    assert exchange.balance(ALICE, SYMBOL) == (99_000, 0)
    assert exchange.levels(SELL) == []


def test_cancelling_again_returns_the_order_and_moves_nothing(exchange: Exchange) -> None:
    command = make.sell(ALICE, 3_000, 50_000)
    exchange.order(command)
    cancelled = exchange.order(make.cancel(command))
    before = picture(exchange.state)

    outcome = exchange.done(make.cancel(command))

    assert outcome.answer.state == cancelled
    assert effects(outcome) == {}
    assert picture(exchange.state) == before


def test_an_order_that_ended_otherwise_can_no_longer_be_cancelled(exchange: Exchange) -> None:
    filled = make.sell(ALICE, 1_000, 50_000)
    rest_cancelled = make.buy(BOB, 2_000, 50_000, time_in_force=IOC)
    killed = make.buy(BOB, 2_000, 50_000, time_in_force=FOK)
    expired = make.sell(ALICE, 1_000, 60_000, time_in_force=GTD, expires_at=NOON + timedelta(hours=1))
    rejected = make.sell(CAROL, 1_000, 40_000, post_only=True)
    own = make.buy(CAROL, 1_000, 40_000)
    met_own = make.sell(CAROL, 1_000, 40_000)
    exchange.apply_all([filled, rest_cancelled, killed, expired, own, rejected, met_own])
    exchange.forward(hours=2)
    exchange.apply(make.expire_due())

    assert [outcome_of(exchange.now_of(each))[:2] for each in (filled, rest_cancelled, killed)] == [
        ("FILLED", None),
        ("CANCELLED", "IOC_REMAINDER"),
        ("CANCELLED", "FOK_NOT_FILLABLE"),
    ]
    assert [outcome_of(exchange.now_of(each))[:2] for each in (expired, rejected, met_own)] == [
        ("EXPIRED", "EXPIRED"),
        ("REJECTED", "POST_ONLY_WOULD_TRADE"),
        ("CANCELLED", "SELF_TRADE"),
    ]
    for command in (filled, rest_cancelled, killed, expired, rejected, met_own):
        assert exchange.refusal(make.cancel(command), OrderNotOpen) == {}


def test_a_strangers_order_does_not_exist_for_me(exchange: Exchange) -> None:
    command = make.sell(ALICE, 1_000, 50_000)
    exchange.order(command)

    assert exchange.refusal(make.cancel(make.sell(BOB, 1_000, 50_000, key=command.key)), NotFound) == {}
    assert exchange.refusal(make.cancel(make.sell(ALICE, 1_000, 50_000)), NotFound) == {}


def test_two_people_may_use_the_same_client_order_id(exchange: Exchange) -> None:
    key = make.new_key()
    alices, bobs = make.sell(ALICE, 1_000, 50_000, key=key), make.buy(BOB, 1_000, 40_000, key=key)
    exchange.apply_all([alices, bobs])

    assert outcome_of(exchange.order(make.cancel(alices)))[0] == "CANCELLED"
    assert outcome_of(exchange.now_of(bobs))[0] == "OPEN"


# ---------------------------------------------------------------- time


def test_a_day_order_ends_at_24_00_utc_and_not_before(exchange: Exchange) -> None:
    command = make.sell(ALICE, 3_000, 50_000, time_in_force=DAY)
    assert exchange.order(command).expires_at == NOON + timedelta(hours=12)
    exchange.order(make.buy(BOB, 1_000, 50_000))

    exchange.forward(hours=11, minutes=59, seconds=59.999999)
    assert exchange.state.is_due(exchange.now) is False
    assert stored(exchange.apply(make.expire_due()).answer) == ("expired", {"ended": 0})

    exchange.forward(microseconds=1)
    assert exchange.state.is_due(exchange.now) is True
    outcome = exchange.apply(make.expire_due())

    assert stored(outcome.answer) == ("expired", {"ended": 1})
    assert outcome_of(exchange.now_of(command)) == ("EXPIRED", "EXPIRED", 1_000)
    assert exchange.balance(ALICE, SYMBOL) == (99_000, 0)
    assert exchange.levels(SELL) == []
    assert exchange.state.is_due(exchange.now) is False


def test_gtd_orders_and_redemptions_end_earliest_first(exchange: Exchange) -> None:
    exchange.done(make.convert(ALICE, 10_000))
    offer = exchange.done(make.create_offer(100)).answer.data["id"]
    second = make.buy(BOB, 1_000, 50_000, time_in_force=GTD, expires_at=NOON + timedelta(minutes=20))
    first = make.buy(BOB, 1_000, 49_000, time_in_force=GTD, expires_at=NOON + timedelta(minutes=10))
    last = make.sell(ALICE, 1_000, 70_000, time_in_force=GTD, expires_at=NOON + timedelta(minutes=40))
    placed = [exchange.order(each) for each in (second, first, last)]
    redemption = exchange.redemption(make.redeem(ALICE, offer))

    exchange.forward(minutes=30)
    outcome = exchange.apply(make.expire_due())

    assert stored(outcome.answer) == ("expired", {"ended": 3})
    assert [(kind, reference) for _, _, kind, reference, _ in outcome.entries] == [
        ("ORDER_RELEASE", f"order:{placed[1].id}"),
        ("REDEMPTION_RELEASE", f"redemption:{redemption.id}"),
        ("ORDER_RELEASE", f"order:{placed[0].id}"),
    ]
    assert outcome_of(exchange.now_of(last))[0] == "OPEN"
    assert exchange.balance(BOB, MONEY) == (1_000_000, 0)


def test_an_order_that_ended_early_does_not_expire(exchange: Exchange) -> None:
    cancelled = make.sell(ALICE, 1_000, 50_000, time_in_force=DAY)
    filled = make.sell(ALICE, 1_000, 49_000, time_in_force=DAY)
    exchange.apply_all([cancelled, filled, make.cancel(cancelled), make.buy(BOB, 1_000, 49_000)])

    exchange.forward(days=1)

    assert exchange.state.is_due(exchange.now) is False
    assert stored(exchange.apply(make.expire_due()).answer) == ("expired", {"ended": 0})
    assert outcome_of(exchange.now_of(filled))[0] == "FILLED"


def test_the_time_of_an_order_is_not_its_priority(exchange: Exchange) -> None:
    """Both carry the same time; the one with the lower sequence trades."""
    first, second = exchange.order(make.sell(ALICE, 1_000, 50_000)), exchange.order(make.sell(CAROL, 1_000, 50_000))
    assert first.placed_at == second.placed_at

    outcome = exchange.done(make.buy(BOB, 1_000, 50_000))

    assert [trade.sell_order for trade, _ in outcome.trades] == [first.id]


# ---------------------------------------------------------------- counters


def test_a_book_counts_one_change_for_each_command_that_changed_it(exchange: Exchange) -> None:
    market = exchange.state.markets[SYMBOL]
    resting = make.sell(ALICE, 3_000, 50_000)
    steps: list[tuple[Command, int, int]] = [
        (resting, 1, 0),
        (make.sell(ALICE, 1_000, 51_000), 2, 0),
        (make.buy(BOB, 1_000, 40_000, time_in_force=IOC), 2, 0),
        (make.buy(BOB, 9_000, 50_000, time_in_force=FOK), 2, 0),
        (make.buy(BOB, 1_000, 50_000, post_only=True), 2, 0),
        (make.buy(BOB, 4_000, 51_000), 3, 2),
        (make.cancel(resting), 3, 2),
        (make.buy(BOB, 1_000, 1), 3, 2),
        (make.buy(BOB, 1_000, 40_000), 4, 2),
        (make.sell(ALICE, 2_000, 40_000), 5, 3),
    ]
    for command, book_sequence, trade_sequence in steps:
        exchange.apply(command)
        assert (market.book_sequence, market.trade_sequence) == (book_sequence, trade_sequence)


def test_two_markets_do_not_touch_each_other(exchange: Exchange) -> None:
    exchange.done(make.create_programme("PAR", currency="EUR"))
    other = "PCA-PAR-2026"
    exchange.done(make.deposit(BOB, 1_000, "EUR"))
    exchange.done(make.issue(ALICE, 1_000, other))
    exchange.order(make.sell(ALICE, 1_000, 50_000))

    exchange.order(make.sell(ALICE, 1_000, 60_000, symbol=other))
    exchange.order(make.buy(BOB, 1_000, 60_000, symbol=other))

    markets = exchange.state.markets
    assert [(markets[symbol].book_sequence, markets[symbol].trade_sequence) for symbol in (SYMBOL, other)] == [
        (1, 0),
        (2, 1),
    ]
    assert exchange.balance(BOB, "EUR") == (940, 0)
    assert exchange.balance(BOB, MONEY) == (1_000_000, 0)
    assert exchange.levels(SELL) == [(50_000, 1_000, 1)]


# ---------------------------------------------------------------- a fault is not a refusal


def test_an_entry_that_would_overdraw_is_a_fault(exchange: Exchange) -> None:
    """Were a hold ever too small, the engine would rather stop than let a balance go below zero."""
    exchange.order(make.sell(ALICE, 1_000, 50_000))
    exchange.state.balance(ALICE, exchange.state.assets[SYMBOL].id)[1] = 0

    with pytest.raises(ArithmeticError, match="overdraw"):
        exchange.apply(make.buy(BOB, 1_000, 50_000))


def test_an_answer_shows_the_order_as_that_command_left_it(exchange: Exchange) -> None:
    resting = exchange.order(make.sell(ALICE, 2_000, 50_000))

    exchange.order(make.buy(BOB, 1_000, 50_000))

    assert (resting.status, resting.remaining, resting.reason) == (OrderStatus.OPEN, 2_000, None)
    assert OrderReason("SELF_TRADE") is OrderReason.SELF_TRADE


def test_a_new_exchange_has_nothing() -> None:
    state = Exchange().state

    assert state.digest() == bytes(16)
    assert funded_digest() == bytes(16)


def funded_digest() -> bytes:
    """Money and grams are no part of the book's digest."""
    exchange = Exchange()
    exchange.done(make.create_programme())
    return funded(exchange).state.digest()
