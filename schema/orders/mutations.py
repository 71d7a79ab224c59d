from datetime import datetime
from typing import Annotated

import strawberry

from domain.orders import model as orders
from domain.orders.service import cancel_order, place_order
from domain.units import Grams, MinorUnits
from schema.context import Info
from schema.errors import (
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidInput,
    MarketClosed,
    NotFound,
    OrderLimitExceeded,
    OrderNotOpen,
    Overloaded,
    PriceOutsideBand,
    TooManyRequests,
)
from schema.orders.types import Order
from schema.permissions import Limited, Requires, person


@strawberry.input(
    description=(
        "Any signed-in person may hold, trade and redeem what they have; membership only gives the weekly issue. A "
        "BUY holds ceil(price x quantity / 1,000,000) plus the highest fee; a trade is worth floor(price x grams / "
        "1,000,000) at the resting price; what the fills did not need is released at once. Fees are money, never "
        "grams. MARKET is IOC at `price` and is shown as IOC. INVALID_INPUT: MARKET with DAY or GTD, postOnly with "
        "MARKET, IOC or FOK, GTD without a future expiresAt, expiresAt without GTD, off tick or lot, price x lot "
        "worth less than 1. A rest that does not rest is CANCELLED, whatever was filled before; REJECTED only for a "
        "postOnly that would trade; EXPIRED for DAY and GTD. DAY ends at 24:00 UTC until sessions exist. reason: "
        "null, IOC_REMAINDER, FOK_NOT_FILLABLE, SELF_TRADE, POST_ONLY_WOULD_TRADE, CANCELLED_BY_OWNER, EXPIRED."
    )
)
class PlaceOrderInput:
    client_order_id: strawberry.ID = strawberry.field(
        description="the idempotency key of the order; unique for this person for ever"
    )
    symbol: str
    side: orders.OrderSide
    quantity: Grams
    price: MinorUnits = strawberry.field(
        description="minor units per tonne; for MARKET the worst price that is acceptable"
    )
    type: orders.OrderType | None = orders.OrderType.LIMIT
    time_in_force: orders.TimeInForce | None = orders.TimeInForce.GTC
    expires_at: datetime | None
    post_only: bool | None = False


PlaceOrderResult = Annotated[
    Order
    | InvalidInput
    | InsufficientBalance
    | PriceOutsideBand
    | MarketClosed
    | OrderLimitExceeded
    | IdempotencyKeyReused
    | Overloaded
    | TooManyRequests,
    strawberry.union("PlaceOrderResult"),
]
CancelOrderResult = Annotated[
    Order | NotFound | OrderNotOpen | MarketClosed | Overloaded, strawberry.union("CancelOrderResult")
]


@strawberry.type
class OrderMutations:
    @strawberry.mutation(graphql_type=PlaceOrderResult, extensions=[Limited("orders"), Requires(person)])
    @staticmethod
    async def place_order(info: Info, input: PlaceOrderInput) -> orders.Order:
        context = info.context
        return await place_order(
            context.commands,
            context.stores.market,
            owner=context.owner,
            client_order_id=input.client_order_id,
            symbol=input.symbol,
            side=input.side,
            quantity=input.quantity,
            price=input.price,
            type=input.type or orders.OrderType.LIMIT,
            time_in_force=input.time_in_force or orders.TimeInForce.GTC,
            expires_at=input.expires_at,
            post_only=bool(input.post_only),
        )

    @strawberry.mutation(graphql_type=CancelOrderResult, extensions=[Limited("orders"), Requires(person)])
    @staticmethod
    async def cancel_order(info: Info, client_order_id: strawberry.ID) -> orders.Order:
        context = info.context
        return await cancel_order(
            context.commands, context.stores.market, owner=context.owner, client_order_id=client_order_id
        )
