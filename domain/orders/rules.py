"""What an order must be before it may trade. Sources of the rules: the contract's PlaceOrderInput."""

from datetime import datetime, time, timedelta

from domain.commands import PlaceOrder
from domain.errors import InsufficientBalance, InvalidInput
from domain.ledger.model import Asset
from domain.orders.model import (
    Instrument,
    MarketClosed,
    OrderLimitExceeded,
    OrderSide,
    OrderType,
    PriceOutsideBand,
    TimeInForce,
    TradingPhase,
)
from domain.units import GRAMS_PER_TONNE, OUTSIDE_MAX, purchase_hold

BUY = OrderSide.BUY
MARKET = OrderType.MARKET
DAY, GTD = TimeInForce.DAY, TimeInForce.GTD
CALL_AUCTION = TradingPhase.CALL_AUCTION
IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
TAKES_ORDERS = frozenset({TradingPhase.CONTINUOUS, TradingPhase.CALL_AUCTION})


def check_order(order: PlaceOrder, instrument: Instrument, now: datetime) -> None:
    """Raises InvalidInput, OrderLimitExceeded, PriceOutsideBand or MarketClosed with the reason and the numbers."""
    for check in CHECKS:
        check(order, instrument, now)


def _check_combination(order: PlaceOrder, _instrument: Instrument, now: datetime) -> None:
    tif = order.time_in_force
    if order.type is MARKET and tif in (TimeInForce.DAY, GTD):
        raise InvalidInput("A MARKET order trades at once or not at all; leave timeInForce out.", "timeInForce")
    if order.post_only and (order.type is MARKET or tif in IMMEDIATE):
        raise InvalidInput("A post-only order must be able to rest: use LIMIT with GTC, DAY or GTD.", "postOnly")
    if tif is GTD and (order.expires_at is None or order.expires_at <= now):
        raise InvalidInput("A GTD order needs expiresAt in the future.", "expiresAt")
    if tif is not GTD and order.expires_at is not None:
        raise InvalidInput("expiresAt goes with timeInForce GTD only.", "expiresAt")


def check_numbers(order: PlaceOrder, instrument: Instrument, _now: datetime | None = None) -> None:
    """Raises InvalidInput off tick or lot or beyond what can be settled, OrderLimitExceeded outside the sizes."""
    if order.quantity <= 0 or order.quantity % instrument.lot_size:
        raise InvalidInput(f"The quantity must be a positive multiple of {instrument.lot_size} g.", "quantity")
    if order.price <= 0 or order.price % instrument.tick_size:
        raise InvalidInput(f"The price must be a positive multiple of {instrument.tick_size}.", "price")
    if order.price * instrument.lot_size < GRAMS_PER_TONNE:
        lowest = -(-GRAMS_PER_TONNE // instrument.lot_size)
        raise InvalidInput(f"At this price one lot is worth less than 1; the lowest price is {lowest}.", "price")
    if purchase_hold(order.price, order.quantity, instrument.highest_fee_basis_points) > OUTSIDE_MAX:
        raise InvalidInput("Price times quantity is larger than anything this market can settle.", "quantity")
    terms = instrument.terms
    if order.quantity < terms.smallest_order:
        raise OrderLimitExceeded(f"An order has at least {terms.smallest_order} g, this one has {order.quantity} g.")
    if order.quantity > terms.largest_order:
        raise OrderLimitExceeded(
            f"An order has at most {terms.largest_order} g, this one has {order.quantity} g; place several."
        )


def _check_phase(order: PlaceOrder, instrument: Instrument, _now: datetime) -> None:
    check_takes_orders(instrument)
    if instrument.phase is CALL_AUCTION:
        _check_can_wait(order, instrument)


def _check_price(order: PlaceOrder, instrument: Instrument, _now: datetime) -> None:
    floor, ceiling = instrument.price_floor, instrument.price_ceiling
    if (floor is not None and order.price < floor) or (ceiling is not None and order.price > ceiling):
        lowest, highest = floor or 0, OUTSIDE_MAX if ceiling is None else ceiling
        raise PriceOutsideBand(f"The price must lie from {lowest} to {highest}.", floor=lowest, ceiling=highest)


def check_takes_orders(instrument: Instrument) -> None:
    """Raises MarketClosed, with the time of the next opening where it is known."""
    if instrument.phase not in TAKES_ORDERS:
        opens_at = instrument.opens_at
        when = f"It takes orders again at {opens_at.isoformat()}." if opens_at else "It opens again by its operator."
        raise MarketClosed(
            f"{instrument.symbol} is {instrument.phase}: no orders are taken now. {when}",
            opens_at=opens_at.isoformat() if opens_at else None,
        )


def check_may_cancel(instrument: Instrument, now: datetime) -> None:
    """Raises MarketClosed in the last seconds of an auction, in which every order stands as it is."""
    until = frozen_until(instrument, now)
    if until is not None:
        raise MarketClosed(
            f"Nothing can be cancelled in the last {instrument.terms.freeze_seconds} s of an auction. Trading opens at "
            f"{until.isoformat()}.",
            opens_at=until.isoformat(),
        )


def frozen_until(instrument: Instrument, now: datetime) -> datetime | None:
    """When orders can be cancelled again, in the last seconds of an auction; else None."""
    until, terms = instrument.phase_until, instrument.terms
    if instrument.phase is not TradingPhase.CALL_AUCTION or until is None or terms.batch_seconds:
        return None
    return until if timedelta() < until - now <= timedelta(seconds=terms.freeze_seconds) else None


def _check_can_wait(order: PlaceOrder, instrument: Instrument) -> None:
    """An auction collects orders that rest: nothing can trade at once, and nobody is a maker or a taker."""
    if order.type is OrderType.MARKET or order.time_in_force in IMMEDIATE or order.post_only:
        until = instrument.phase_until
        raise MarketClosed(
            f"{instrument.symbol} collects orders for an auction: only LIMIT orders with GTC, DAY or GTD, and not "
            "post-only, are taken until it has traded.",
            opens_at=until.isoformat() if until else None,
        )


def effective_time_in_force(order: PlaceOrder) -> TimeInForce:
    """A MARKET order is IOC at its worst acceptable price, or FOK where that was asked for."""
    if order.type is MARKET and order.time_in_force is not TimeInForce.FOK:
        return TimeInForce.IOC
    return order.time_in_force


def deadline(order: PlaceOrder, instrument: Instrument, now: datetime) -> datetime | None:
    """When a resting order ends by itself: GTD at its time, DAY at the session's end, without one at 00:00 UTC.

    A log that began before there were sessions has none but its first day's.
    """
    if order.time_in_force is DAY:
        if instrument.session_end is not None and instrument.session_end > now:
            return instrument.session_end
        return datetime.combine(now.date() + timedelta(days=1), time.min, now.tzinfo)
    return order.expires_at


def check_level(order: PlaceOrder, standing: int) -> None:
    """Raises OrderLimitExceeded where a level that has `standing` grams would hold more than clients can read."""
    if standing + order.quantity > OUTSIDE_MAX:
        raise OrderLimitExceeded(f"So much stands at {order.price} already that no client could read the sum.")


def check_open_orders(order: PlaceOrder, instrument: Instrument, open_orders: int) -> None:
    """Raises OrderLimitExceeded where an order that may rest would be one too many of its owner's."""
    most = instrument.terms.open_orders
    if open_orders >= most and effective_time_in_force(order) not in IMMEDIATE:
        raise OrderLimitExceeded(
            f"You have {open_orders} open orders in {instrument.symbol}; at most {most} may stand at once."
        )


def check_holding(order: PlaceOrder, instrument: Instrument, owned: int, buying: int) -> None:
    """Raises OrderLimitExceeded where a BUY could bring its owner, who has `owned` and is `buying`, too many grams."""
    most = instrument.terms.holding
    if most is not None and order.side is OrderSide.BUY and owned + buying + order.quantity > most:
        raise OrderLimitExceeded(
            f"You have {owned} g of {instrument.symbol} and open orders to buy {buying} g; "
            f"with {order.quantity} g more that is above the {most} g that one person may come to own by trading."
        )


def check_balance(order: PlaceOrder, instrument: Instrument, available: int) -> None:
    """Raises InsufficientBalance where the order's owner has less than it would hold."""
    required = held_by(order.side, order.price, order.quantity, instrument.highest_fee_basis_points)
    check_available(held_asset(order.side, instrument), available, required)


def check_available(asset: Asset, available: int, required: int) -> None:
    """Raises InsufficientBalance where an order needs more than its owner has available."""
    if available < required:
        raise InsufficientBalance(
            f"This order needs {required} {asset.unit} of {asset.code}; {available} are available.",
            asset=asset.code,
            available=available,
            required=required,
        )


def held_by(side: OrderSide, price: int, grams: int, fee_basis_points: int) -> int:
    """What an order with `grams` left reserves: money and the highest fee for a BUY, the grams for a SELL."""
    return purchase_hold(price, grams, fee_basis_points) if side is BUY else grams


def held_asset(side: OrderSide, instrument: Instrument) -> Asset:
    return instrument.money if side is BUY else instrument.asset


CHECKS = (_check_combination, check_numbers, _check_phase, _check_price)
"""What an order must be whoever places it, in the order in which it is told."""
