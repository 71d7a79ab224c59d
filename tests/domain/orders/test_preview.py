"""What an order would come to: the same refusals as the engine's, the same fills, the same end."""

import random
from typing import Any

from domain.commands import PlaceOrder
from domain.errors import DomainError
from domain.orders.depth import checksum
from domain.orders.model import (
    BookSnapshot,
    OrderSide,
    OrderStatus,
    PriceLevel,
    SelfTradePrevention,
    TimeInForce,
    TradingPhase,
)
from domain.orders.preview import Circumstances, ExpectedFill, OrderPreview, preview
from domain.orders.terms import Terms
from tests import factories as make
from tests.domain.exchange import Exchange
from tests.factories import ALICE, BOB, BUY, CAROL, SELL, SYMBOL

PRICE = 1_234_567


def found_by(exchange: Exchange, order: PlaceOrder) -> Circumstances:
    market, owner = exchange.state.markets[order.symbol], order.caller
    instrument, sides = market.instrument, {}
    for side in OrderSide:
        levels = market.book.side(side).best_first()
        sides[side] = tuple(PriceLevel(level.price, level.quantity, level.count) for level in levels)
    book = BookSnapshot(order.symbol, 1, sides[BUY], sides[SELL], checksum((), ()))
    own = [(each.side, PriceLevel(each.price, each.remaining, 1)) for each in market.book.orders_of(owner)]
    added: dict[tuple[OrderSide, int], PriceLevel] = {}
    for side, level in own:
        before = added.get((side, level.price), PriceLevel(level.price, 0, 0))
        added[side, level.price] = PriceLevel(level.price, before.quantity + level.quantity, before.orders + 1)
    asset = instrument.money if order.side is BUY else instrument.asset
    return Circumstances(
        exchange.now,
        book,
        [(side, level) for (side, _), level in added.items()],
        sum(exchange.state.balance(owner, instrument.asset.id)),
        exchange.state.balance(owner, asset.id)[0],
    )


def previewed(exchange: Exchange, order: PlaceOrder) -> OrderPreview:
    return preview(order, exchange.state.markets[order.symbol].instrument, found_by(exchange, order))


def codes(told: OrderPreview) -> list[str]:
    return [refusal.code for refusal in told.refusals]


def test_an_order_that_trades_and_rests(two_markets: Exchange) -> None:
    exchange = two_markets
    exchange.apply_all([make.sell(BOB, 1_000, PRICE), make.sell(CAROL, 2_000, PRICE + 10)])

    told = previewed(exchange, make.buy(ALICE, 5_000, PRICE + 10))

    assert told.refusals == ()
    assert (told.asset and told.asset.code, told.hold) == ("GBP", 6_173 + 16)
    assert (told.value, told.highest_fee) == (6_172, 15)
    assert told.fills == (ExpectedFill(PRICE, 1_000, 1_234, 3), ExpectedFill(PRICE + 10, 2_000, 2_469, 6))
    assert (told.filled, told.filled_value, told.fee, told.remaining) == (3_000, 3_703, 9, 2_000)
    assert (told.status, told.reason) == (OrderStatus.PARTIALLY_FILLED, None)


def test_every_rule_that_would_refuse_it_is_told(two_markets: Exchange) -> None:
    exchange = two_markets
    instrument = exchange.state.markets[SYMBOL].instrument
    instrument.terms = Terms(holding=30_000, open_orders=1, largest_order=90_000_000)
    instrument.price_floor, instrument.price_ceiling = 1_000_000, 2_000_000
    exchange.done(make.buy(ALICE, 1_000, PRICE))

    told = previewed(exchange, make.buy(ALICE, 99_000_000, 3_000_000))

    assert codes(told) == [
        *("ORDER_LIMIT_EXCEEDED", "PRICE_OUTSIDE_BAND", "ORDER_LIMIT_EXCEEDED", "ORDER_LIMIT_EXCEEDED"),
        "INSUFFICIENT_BALANCE",
    ]
    assert told.fills == ()
    assert told.status is None


def test_numbers_that_make_no_sense_are_told_alone(two_markets: Exchange) -> None:
    told = previewed(two_markets, make.buy(ALICE, 1_500, 0, post_only=True, time_in_force=TimeInForce.IOC))

    assert codes(told) == ["INVALID_INPUT", "INVALID_INPUT"]
    assert told == OrderPreview(told.refusals)


def test_a_post_only_order_that_would_trade(two_markets: Exchange) -> None:
    two_markets.done(make.sell(BOB, 1_000, PRICE))

    told = previewed(two_markets, make.buy(ALICE, 1_000, PRICE, post_only=True))

    assert (told.status, told.reason, told.refusals) == ("REJECTED", "POST_ONLY_WOULD_TRADE", ())


def test_an_order_for_an_auction_that_could_meet_ones_own(two_markets: Exchange) -> None:
    two_markets.done(make.sell(ALICE, 1_000, PRICE))
    two_markets.state.markets[SYMBOL].instrument.phase = TradingPhase.CALL_AUCTION

    for order in (make.buy(ALICE, 2_000, PRICE - 1), make.buy(ALICE, 2_000, PRICE)):
        told = previewed(two_markets, order)
        state = two_markets.order(order)
        assert (told.status, told.reason, told.remaining) == (state.status, state.reason, 2_000)
    assert told.reason == "SELF_TRADE"


def test_the_preview_of_a_random_order_is_what_the_engine_does_with_it(seed: int) -> None:
    dice = random.Random(seed)
    exchange = Exchange()
    exchange.apply_all([make.create_programme(maker_fee_basis_points=10, taker_fee_basis_points=25)])
    people = (ALICE, BOB, CAROL, 1_004)
    for owner in people:
        exchange.apply_all([make.deposit(owner, 60_000), make.issue(owner, 40_000)])
    instrument = exchange.state.markets[SYMBOL].instrument
    instrument.terms = Terms(holding=60_000, open_orders=4, largest_order=6_000)
    compared = refused = filled = 0
    for _ in range(1_500):
        order = make.place(dice.choice(people), dice.choice([BUY, SELL]), 1_000 * dice.randrange(0, 8),
                           PRICE + dice.randrange(5), **kind(dice))  # fmt: skip
        told, found = previewed(exchange, order), found_by(exchange, order)
        opposite = SELL if order.side is BUY else BUY
        outcome = exchange.apply(order)
        answer = outcome.answer
        if DomainError.is_code(answer.kind):
            refused += 1
            assert told.refusals[0].code == answer.kind
            assert told.refusals[0].as_data() == answer.data
            continue
        assert told.refusals == ()
        if not found.own_at(opposite):
            compared += 1
            traded: dict[int, int] = {}
            for trade, _ in outcome.trades:
                traded[trade.price] = traded.get(trade.price, 0) + trade.quantity
            filled += bool(traded)
            assert {fill.price: fill.quantity for fill in told.fills} == traded
            state = answer.state
            assert (told.status, told.reason, told.remaining) == (state.status, state.reason, state.remaining)
        if dice.random() < 0.2:
            exchange.apply(make.cancel_all(dice.choice(people)))
    assert min(compared, refused, filled) > 50


def kind(dice: random.Random) -> dict[str, Any]:
    tif = dice.choice([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK])
    return {
        "time_in_force": tif,
        "post_only": dice.random() < 0.15,
        "self_trade": dice.choice(list(SelfTradePrevention)),
    }
