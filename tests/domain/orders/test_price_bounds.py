"""Where prices may lie and how fast they may move: the official close, the band around it, halts."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.orders.model import (
    MarketClosed,
    OrderReason,
    OrderStatus,
    PriceOutsideBand,
    SelfTradePrevention,
    TimeInForce,
)
from tests import factories as make
from tests.domain.orders.day import (
    ALICE,
    BOB,
    CALENDAR,
    CALL_AUCTION,
    CAROL,
    CLOSED,
    CONTINUOUS,
    HALTED,
    Day,
    phases_of,
)

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
