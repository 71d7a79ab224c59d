"""Orders that stand alone, for tests of the book and of matching."""

import itertools
from uuid import UUID

from domain.ledger.model import Asset, AssetKind
from domain.orders.book import OrderBook
from domain.orders.model import Instrument, Order, OrderSide, OrderType, TimeInForce
from tests import factories as make

INSTRUMENT = Instrument(
    id=1,
    symbol=make.SYMBOL,
    asset=Asset(3, make.SYMBOL, AssetKind.ALLOWANCE, "g"),
    money=Asset(1, make.MONEY, AssetKind.MONEY, "minor units"),
    tick_size=1,
    lot_size=1_000,
    maker_fee_basis_points=0,
    taker_fee_basis_points=0,
)

_numbers = itertools.count(1)


def order(side: OrderSide, quantity: int, price: int, owner: int = make.ALICE) -> Order:
    """Each is newer than the one made before it."""
    number = next(_numbers)
    return Order(
        id=number,
        owner=owner,
        client_order_id=UUID(int=number),
        instrument=INSTRUMENT,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=price,
        quantity=quantity,
        post_only=False,
        placed_at=make.NOON,
        expires_at=None,
        remaining=quantity,
    )


def book_of(*orders: Order) -> OrderBook:
    book = OrderBook()
    for resting in orders:
        book.rest(resting)
    return book
