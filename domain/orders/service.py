"""Placing and cancelling: each is one command to the writer."""

from datetime import datetime

from domain.answers import checked_key, decided, found
from domain.commands import CancelOrder, PlaceOrder
from domain.errors import InvalidInput, NotFound
from domain.ids import client_key
from domain.orders.model import Order, OrderSide, OrderType, TimeInForce
from domain.ports import CommandQueue, MarketStore
from domain.text import is_code


async def place_order(
    commands: CommandQueue,
    market: MarketStore,
    *,
    owner: int,
    client_order_id: str,
    symbol: str,
    side: OrderSide,
    quantity: int,
    price: int,
    type: OrderType,
    time_in_force: TimeInForce,
    expires_at: datetime | None,
    post_only: bool,
) -> Order:
    """The order as this command left it, or as it is now where the key was used before for the same order."""
    key = checked_key(client_order_id, "clientOrderId")
    if not is_code(symbol):
        raise InvalidInput("There is no instrument with this symbol.", "symbol")
    command = PlaceOrder(
        caller=owner,
        key=key,
        symbol=symbol,
        side=side,
        type=type,
        time_in_force=time_in_force,
        quantity=quantity,
        price=price,
        expires_at=expires_at,
        post_only=post_only,
    )
    answer = await decided(commands, command)
    order: Order | None = answer.state or await market.order(owner, key)
    return found(order)


async def cancel_order(commands: CommandQueue, market: MarketStore, *, owner: int, client_order_id: str) -> Order:
    """Raises NotFound, or OrderNotOpen where it ended otherwise than by its owner's cancel."""
    key = client_key(client_order_id)
    if key is None:
        raise NotFound("There is no order of yours with this clientOrderId.")
    answer = await decided(commands, CancelOrder(caller=owner, client_order_id=key))
    order: Order | None = answer.state or await market.order(owner, key)
    return found(order)
