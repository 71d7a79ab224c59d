"""What an order would come to if it were placed now: what would refuse it, what it would hold, what it would trade.

The refusals are those of the engine's own rules (`rules.py`), all of them instead of the first. What it would trade is
read from the book by price: of several orders at one price the caller's own are taken to be the last, and a market that
halts because the price moves too far is not foreseen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from domain.commands import PlaceOrder
from domain.errors import DomainError, InvalidInput
from domain.ledger.model import Asset
from domain.orders import rules
from domain.orders.model import (
    BookSnapshot,
    Instrument,
    OrderReason,
    OrderSide,
    OrderStatus,
    PriceLevel,
    SelfTradePrevention,
    TimeInForce,
    TradingPhase,
)
from domain.units import fee_of, trade_value


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The market as one person finds it. `own` is that person's open orders there, added up by side and price."""

    now: datetime
    book: BookSnapshot
    own: Sequence[tuple[OrderSide, PriceLevel]]
    owned: int
    """Grams of the instrument, available and held."""
    available: int
    """Of what the order would hold."""

    @property
    def open_orders(self) -> int:
        return sum(level.orders for _, level in self.own)

    @property
    def buying(self) -> int:
        return sum(level.quantity for side, level in self.own if side is OrderSide.BUY)

    def own_at(self, side: OrderSide) -> dict[int, int]:
        return {level.price: level.quantity for own_side, level in self.own if own_side is side}


@dataclass(frozen=True, slots=True)
class ExpectedFill:
    price: int
    quantity: int
    value: int
    fee: int


@dataclass(frozen=True, slots=True)
class OrderPreview:
    """`hold` is what the order would reserve of `asset`; the rest is of an order that nothing refuses.

    `status` and `reason` are those that it would have at once, `remaining` what would then rest or be given up.
    """

    refusals: tuple[DomainError, ...]
    asset: Asset | None = None
    hold: int | None = None
    value: int | None = None
    highest_fee: int | None = None
    status: OrderStatus | None = None
    reason: OrderReason | None = None
    remaining: int | None = None
    fills: tuple[ExpectedFill, ...] = ()

    @property
    def filled(self) -> int:
        return sum(fill.quantity for fill in self.fills)

    @property
    def filled_value(self) -> int:
        return sum(fill.value for fill in self.fills)

    @property
    def fee(self) -> int:
        return sum(fill.fee for fill in self.fills)


def preview(order: PlaceOrder, instrument: Instrument, found: Circumstances) -> OrderPreview:
    refusals = _refusals(order, instrument, found)
    if any(isinstance(refusal, InvalidInput) for refusal in refusals):
        return OrderPreview(refusals)
    fee_points = instrument.highest_fee_basis_points
    value = trade_value(order.price, order.quantity)
    told = OrderPreview(
        refusals,
        asset=rules.held_asset(order.side, instrument),
        hold=rules.held_by(order.side, order.price, order.quantity, fee_points),
        value=value,
        highest_fee=fee_of(value, fee_points),
    )
    return told if refusals else _with_fills(told, order, instrument, found)


def _refusals(order: PlaceOrder, instrument: Instrument, found: Circumstances) -> tuple[DomainError, ...]:
    """Numbers that make no sense are told alone."""
    told = _told([partial(check, order, instrument, found.now) for check in rules.CHECKS])
    if any(isinstance(refusal, InvalidInput) for refusal in told):
        return tuple(told)
    standing = {level.price: level.quantity for level in _side(found.book, order.side)}.get(order.price, 0)
    told += _told(
        [
            partial(rules.check_level, order, standing),
            partial(rules.check_open_orders, order, instrument, found.open_orders),
            partial(rules.check_holding, order, instrument, found.owned, found.buying),
            partial(rules.check_balance, order, instrument, found.available),
        ]
    )
    return tuple(told)


def _told(checks: Sequence[Callable[[], None]]) -> list[DomainError]:
    told = []
    for check in checks:
        try:
            check()
        except DomainError as refusal:
            told.append(refusal)
    return told


def _side(book: BookSnapshot, side: OrderSide) -> Sequence[PriceLevel]:
    return book.bids if side is OrderSide.BUY else book.asks


def _with_fills(told: OrderPreview, order: PlaceOrder, instrument: Instrument, found: Circumstances) -> OrderPreview:
    opposite = OrderSide.SELL if order.side is OrderSide.BUY else OrderSide.BUY
    within = [level for level in _side(found.book, opposite) if _is_within(order, level.price)]
    if instrument.phase is not TradingPhase.CONTINUOUS:
        return _collected(told, order, found.own_at(opposite))
    if order.post_only and within:
        reason = OrderReason.POST_ONLY_WOULD_TRADE
        return replace(told, status=OrderStatus.REJECTED, reason=reason, remaining=order.quantity)
    quantities, left, is_stopped = _matched(order, within, found.own_at(opposite))
    tif = rules.effective_time_in_force(order)
    if tif is TimeInForce.FOK and sum(quantities.values()) < order.quantity:
        reason = OrderReason.FOK_NOT_FILLABLE
        return replace(told, status=OrderStatus.CANCELLED, reason=reason, remaining=order.quantity)
    fills = tuple(_fill(price, quantity, instrument) for price, quantity in quantities.items())
    status = OrderStatus.PARTIALLY_FILLED if fills else OrderStatus.OPEN
    ended: OrderReason | None = None
    if left == 0:
        status = OrderStatus.FILLED
    elif is_stopped or tif in rules.IMMEDIATE:
        status = OrderStatus.CANCELLED
        ended = OrderReason.SELF_TRADE if is_stopped else OrderReason.IOC_REMAINDER
    return replace(told, status=status, reason=ended, remaining=left, fills=fills)


def _collected(told: OrderPreview, order: PlaceOrder, own: dict[int, int]) -> OrderPreview:
    told = replace(told, status=OrderStatus.OPEN, remaining=order.quantity)
    if any(_is_within(order, price) for price in own):
        return replace(told, status=OrderStatus.CANCELLED, reason=OrderReason.SELF_TRADE)
    return told


def _is_within(order: PlaceOrder, price: int) -> bool:
    return price <= order.price if order.side is OrderSide.BUY else price >= order.price


def _matched(order: PlaceOrder, within: Sequence[PriceLevel], own: dict[int, int]) -> tuple[dict[int, int], int, bool]:
    """Grams by price, what is left, and whether an order of the caller's own ends it."""
    quantities: dict[int, int] = {}
    left = order.quantity
    for level in within:
        mine = own.get(level.price, 0)
        taken = min(left, level.quantity - mine)
        if taken > 0:
            quantities[level.price] = taken
            left -= taken
        if left == 0:
            break
        if not mine or order.self_trade is SelfTradePrevention.CANCEL_OLDEST:
            continue
        if order.self_trade is not SelfTradePrevention.DECREMENT_AND_CANCEL or mine >= left:
            return quantities, left, True
        left -= mine
    return quantities, left, False


def _fill(price: int, quantity: int, instrument: Instrument) -> ExpectedFill:
    value = trade_value(price, quantity)
    return ExpectedFill(price, quantity, value, fee_of(value, instrument.taker_fee_basis_points))
