"""Builders of commands: every field has a value, and a test names the ones that it is about.

The programme is LON, paid in GBP; its market of 2026 has a tick of 1 and a lot of 1,000 g.
"""

import itertools
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from domain.commands import (
    CancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    CancelRedemption,
    CaptureRedemption,
    ClosePeriod,
    ConvertToPoints,
    CreateOffer,
    CreateProgramme,
    Deposit,
    ExpireDue,
    Issue,
    PlaceOrder,
    RedeemOffer,
    ReplaceOrder,
    SetTerms,
)
from domain.orders.model import OrderSide, OrderType, TimeInForce

OPERATOR = 1_000
ALICE, BOB, CAROL = 1_001, 1_002, 1_003
SHOP, OTHER_SHOP = 1_101, 1_102

PROGRAMME = "LON"
SYMBOL = "PCA-LON-2026"
POINTS = "PTS-LON"
MONEY = "GBP"
BUY, SELL = OrderSide.BUY, OrderSide.SELL
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
"""A Wednesday; the week before it is that of Monday 2026-06-22."""

_numbers = itertools.count(1)


def new_key() -> UUID:
    """A key that no other call of this run gave."""
    return UUID(int=next(_numbers))


def create_programme(code: str = PROGRAMME, **fields: Any) -> CreateProgramme:
    values: dict[str, Any] = {
        "name": "London",
        "region": "GB",
        "currency": MONEY,
        "weekly_allowance": 70_000,
        "points_per_kg": 15,
        "time_zone": "UTC",
        "year": 2026,
    }
    return CreateProgramme(caller=OPERATOR, key=new_key(), code=code, **(values | fields))


def deposit(owner: int, amount: int, currency: str = MONEY, key: UUID | None = None) -> Deposit:
    return Deposit(caller=OPERATOR, key=key or new_key(), owner=owner, currency=currency, amount=amount)


def issue(owner: int, amount: int, asset: str = SYMBOL, key: UUID | None = None) -> Issue:
    return Issue(caller=OPERATOR, key=key or new_key(), owner=owner, asset=asset, amount=amount)


def place(owner: int, side: OrderSide, quantity: int, price: int, **fields: Any) -> PlaceOrder:
    """A LIMIT GTC order unless `fields` say otherwise."""
    values: dict[str, Any] = {
        "key": new_key(),
        "symbol": SYMBOL,
        "type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
    }
    return PlaceOrder(caller=owner, side=side, quantity=quantity, price=price, **(values | fields))


def buy(owner: int, quantity: int, price: int, **fields: Any) -> PlaceOrder:
    return place(owner, BUY, quantity, price, **fields)


def sell(owner: int, quantity: int, price: int, **fields: Any) -> PlaceOrder:
    return place(owner, SELL, quantity, price, **fields)


def cancel(order: PlaceOrder) -> CancelOrder:
    """By the owner of the order."""
    assert order.key is not None
    return CancelOrder(caller=order.caller, client_order_id=order.key)


def replace(order: PlaceOrder, quantity: int, price: int, key: UUID | None = None) -> ReplaceOrder:
    """By the owner of the order."""
    assert order.key is not None
    return ReplaceOrder(
        caller=order.caller, key=key or new_key(), client_order_id=order.key, quantity=quantity, price=price
    )


def cancel_all(owner: int, symbol: str | None = None) -> CancelAllOrders:
    return CancelAllOrders(caller=owner, symbol=symbol)


def cancel_all_after(owner: int, seconds: int) -> CancelAllAfter:
    return CancelAllAfter(caller=owner, seconds=seconds)


def expire_due() -> ExpireDue:
    return ExpireDue(caller=0)


def set_terms(
    symbol: str = SYMBOL,
    *,
    tick_size: int | None = None,
    lot_size: int | None = None,
    reference_price: int | None = None,
    key: UUID | None = None,
    **changes: Any,
) -> SetTerms:
    return SetTerms(
        caller=OPERATOR,
        key=key or new_key(),
        symbol=symbol,
        changes=changes,
        tick_size=tick_size,
        lot_size=lot_size,
        reference_price=reference_price,
    )


def close_period(members: dict[int, int | None], week_start: date = date(2026, 6, 22), **fields: Any) -> ClosePeriod:
    """`members` is footprint in grams by owner, None where nothing was counted."""
    values: dict[str, Any] = {"caller": OPERATOR, "programme_code": PROGRAMME}
    return ClosePeriod(week_start=week_start, members=tuple(members.items()), **(values | fields))


def convert(owner: int, grams: int, asset: str = SYMBOL, key: UUID | None = None) -> ConvertToPoints:
    return ConvertToPoints(caller=owner, key=key or new_key(), asset=asset, grams=grams)


def create_offer(points: int, **fields: Any) -> CreateOffer:
    values: dict[str, Any] = {
        "partner_id": UUID(int=1 << 100),
        "partner_owner": SHOP,
        "partner_name": "Corner shop",
        "title": "Coffee",
        "description": "One cup",
        "points_asset": POINTS,
        "stock": None,
        "valid_until": None,
    }
    return CreateOffer(caller=OPERATOR, key=new_key(), points=points, **(values | fields))


def redeem(owner: int, offer: int, code: str = "", minutes: int = 15, key: UUID | None = None) -> RedeemOffer:
    key = key or new_key()
    return RedeemOffer(caller=owner, key=key, offer=offer, code=code or f"CODE{key.int}", minutes=minutes)


def cancel_redemption(owner: int, redemption: int) -> CancelRedemption:
    return CancelRedemption(caller=owner, redemption=redemption)


def capture(code: str, partner: int = SHOP, till: str = "till 1", key: UUID | None = None) -> CaptureRedemption:
    return CaptureRedemption(caller=partner, key=key or new_key(), code=code, till_reference=till)
