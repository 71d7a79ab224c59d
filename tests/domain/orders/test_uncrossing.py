"""Call auctions: what they collect, how they trade, and what is frozen."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.orders.auction import Clearing
from domain.orders.model import MarketClosed, OrderReason, OrderStatus, OrderType, SelfTradePrevention, TimeInForce
from domain.orders.schedule import next_due
from domain.orders.uncrossing import indicative
from tests import factories as make
from tests.domain.orders.day import ALICE, BOB, CALENDAR, CALL_AUCTION, CAROL, HALTED, Day, in_auction
from tests.domain.orders.orders import order
from tests.factories import BUY, SELL


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
