"""Which orders are taken: combinations of type, time in force, expiry and post-only; ticks, lots, bounds, phases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from domain.errors import InvalidInput
from domain.orders.model import (
    Instrument,
    MarketClosed,
    OrderLimitExceeded,
    OrderType,
    PriceOutsideBand,
    TimeInForce,
    TradingPhase,
)
from domain.orders.rules import check_level, check_order, deadline, effective_time_in_force
from domain.orders.terms import LARGEST_ORDER
from domain.units import OUTSIDE_MAX
from tests import factories as make
from tests.domain.orders.orders import INSTRUMENT

LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET
GTC, DAY, GTD, IOC, FOK = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK
NOW = make.NOON
LATER = NOW + timedelta(hours=1)
EARLIER = NOW - timedelta(microseconds=1)

TAKEN = {
    (LIMIT, GTC, None, False),
    (LIMIT, GTC, None, True),
    (LIMIT, DAY, None, False),
    (LIMIT, DAY, None, True),
    (LIMIT, GTD, LATER, False),
    (LIMIT, GTD, LATER, True),
    (LIMIT, IOC, None, False),
    (LIMIT, FOK, None, False),
    (MARKET, GTC, None, False),
    (MARKET, IOC, None, False),
    (MARKET, FOK, None, False),
}
"""Of all combinations these alone."""


def refused_field(instrument: Instrument = INSTRUMENT, quantity: int = 4_000, price: int = 50_000) -> str | None:
    """The field that InvalidInput names; None where the order is taken."""
    try:
        check_order(make.buy(make.ALICE, quantity, price), instrument, NOW)
    except InvalidInput as refusal:
        return refusal.field
    return None


@pytest.mark.parametrize(
    ("type", "time_in_force", "expires_at", "post_only"),
    list(product(OrderType, TimeInForce, [None, EARLIER, NOW, LATER], [False, True])),
)
def test_every_combination(
    type: OrderType, time_in_force: TimeInForce, expires_at: datetime | None, post_only: bool
) -> None:
    combination = {"type": type, "time_in_force": time_in_force, "expires_at": expires_at, "post_only": post_only}
    order = make.buy(make.ALICE, 4_000, 50_000, **combination)

    if (type, time_in_force, expires_at, post_only) in TAKEN:
        check_order(order, INSTRUMENT, NOW)
    else:
        with pytest.raises(InvalidInput):
            check_order(order, INSTRUMENT, NOW)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"type": MARKET, "time_in_force": DAY}, "timeInForce"),
        ({"type": MARKET, "time_in_force": GTD, "expires_at": LATER}, "timeInForce"),
        ({"post_only": True, "type": MARKET}, "postOnly"),
        ({"post_only": True, "time_in_force": IOC}, "postOnly"),
        ({"post_only": True, "time_in_force": FOK}, "postOnly"),
        ({"time_in_force": GTD}, "expiresAt"),
        ({"time_in_force": GTD, "expires_at": NOW}, "expiresAt"),
        ({"time_in_force": GTC, "expires_at": LATER}, "expiresAt"),
        ({"time_in_force": DAY, "expires_at": LATER}, "expiresAt"),
        ({"time_in_force": IOC, "expires_at": LATER}, "expiresAt"),
    ],
)
def test_a_refused_combination_names_the_field(fields: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_order(make.buy(make.ALICE, 4_000, 50_000, **fields), INSTRUMENT, NOW)
    assert refusal.value.field == named


@pytest.mark.parametrize(
    ("quantity", "named"),
    [(1_000, None), (4_000, None), (0, "quantity"), (-1_000, "quantity"), (1, "quantity"), (1_001, "quantity")],
)
def test_a_quantity_is_a_positive_number_of_lots(quantity: int, named: str | None) -> None:
    assert refused_field(quantity=quantity) == named


@pytest.mark.parametrize(
    ("tick_size", "price", "named"),
    [
        (1, 1_000, None),
        (1, 0, "price"),
        (1, -50_000, "price"),
        (25, 50_000, None),
        (25, 50_025, None),
        (25, 50_001, "price"),
        (25, 50_024, "price"),
    ],
)
def test_a_price_is_a_positive_number_of_ticks(tick_size: int, price: int, named: str | None) -> None:
    assert refused_field(replace(INSTRUMENT, tick_size=tick_size), price=price) == named


@pytest.mark.parametrize(
    ("lot_size", "price", "named"),
    [
        (1_000, 1_000, None),
        (1_000, 999, "price"),
        (1, 1_000_000, None),
        (1, 999_999, "price"),
        (3_000, 333, "price"),
        (3_000, 334, None),
    ],
)
def test_no_lot_is_worth_less_than_one(lot_size: int, price: int, named: str | None) -> None:
    assert refused_field(replace(INSTRUMENT, lot_size=lot_size), quantity=lot_size, price=price) == named


MOST = OUTSIDE_MAX * 1_000_000 // LARGEST_ORDER
"""The price at which the largest order is worth the largest number that a client can read."""


@pytest.mark.parametrize(
    ("fee", "price", "named"),
    [
        (0, MOST, None),
        (0, MOST + 1, "quantity"),
        (1, MOST, "quantity"),
        (10_000, MOST // 2, None),
        (10_000, MOST // 2 + 1, "quantity"),
    ],
)
def test_no_order_holds_more_than_a_client_can_read(fee: int, price: int, named: str | None) -> None:
    instrument = replace(INSTRUMENT, lot_size=1, taker_fee_basis_points=fee)

    assert refused_field(instrument, quantity=LARGEST_ORDER, price=price) == named


def test_no_order_is_larger_than_a_megatonne() -> None:
    assert refused_field(INSTRUMENT, quantity=LARGEST_ORDER, price=1_000) is None
    with pytest.raises(OrderLimitExceeded):
        refused_field(INSTRUMENT, quantity=LARGEST_ORDER + INSTRUMENT.lot_size, price=1_000)


def test_no_price_level_is_larger_than_a_client_can_read() -> None:
    order = make.buy(make.ALICE, 1_000, 50_000)

    check_level(order, OUTSIDE_MAX - 1_000)
    with pytest.raises(OrderLimitExceeded):
        check_level(order, OUTSIDE_MAX - 999)


@pytest.mark.parametrize("phase", [TradingPhase.CLOSED, TradingPhase.HALTED])
def test_a_market_that_is_closed_or_halted_takes_nothing(phase: TradingPhase) -> None:
    with pytest.raises(MarketClosed) as refusal:
        check_order(make.buy(make.ALICE, 1_000, 50_000), replace(INSTRUMENT, phase=phase), NOW)
    assert (refusal.value.code, refusal.value.opens_at) == ("MARKET_CLOSED", None)


@pytest.mark.parametrize(
    ("floor", "ceiling", "price", "told"),
    [
        (40_000, 60_000, 40_000, None),
        (40_000, 60_000, 60_000, None),
        (40_000, 60_000, 39_999, (40_000, 60_000)),
        (40_000, 60_000, 60_001, (40_000, 60_000)),
        (40_000, None, 39_999, (40_000, OUTSIDE_MAX)),
        (None, 60_000, 60_001, (0, 60_000)),
        (None, 60_000, 1_000, None),
    ],
)
def test_a_price_lies_in_the_band(
    floor: int | None, ceiling: int | None, price: int, told: tuple[int, int] | None
) -> None:
    instrument = replace(INSTRUMENT, price_floor=floor, price_ceiling=ceiling)
    order = make.sell(make.ALICE, 1_000, price)

    if told is None:
        check_order(order, instrument, NOW)
        return
    with pytest.raises(PriceOutsideBand) as refusal:
        check_order(order, instrument, NOW)
    assert (refusal.value.floor, refusal.value.ceiling) == told


@pytest.mark.parametrize(
    ("type", "asked", "shown"),
    [
        (MARKET, GTC, IOC),
        (MARKET, IOC, IOC),
        (MARKET, FOK, FOK),
        *((LIMIT, time_in_force, time_in_force) for time_in_force in TimeInForce),
    ],
)
def test_a_market_order_is_shown_as_ioc(type: OrderType, asked: TimeInForce, shown: TimeInForce) -> None:
    assert effective_time_in_force(make.buy(make.ALICE, 1_000, 50_000, type=type, time_in_force=asked)) is shown


@pytest.mark.parametrize(
    ("placed_at", "ends_at"),
    [
        (datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)),
        (datetime(2026, 7, 1, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)),
        (datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)),
        (datetime(2026, 12, 31, 18, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2028, 2, 28, 1, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_24_00_utc(placed_at: datetime, ends_at: datetime) -> None:
    assert deadline(make.buy(make.ALICE, 1_000, 50_000, time_in_force=DAY), INSTRUMENT, placed_at) == ends_at


@pytest.mark.parametrize(("time_in_force", "expires_at"), [(GTD, LATER), (GTC, None), (IOC, None), (FOK, None)])
def test_gtd_ends_at_its_time_and_the_others_never(time_in_force: TimeInForce, expires_at: datetime | None) -> None:
    order = make.buy(make.ALICE, 1_000, 50_000, time_in_force=time_in_force, expires_at=expires_at)
    assert deadline(order, INSTRUMENT, NOW) == expires_at
