import asyncio
from datetime import datetime
from typing import Annotated

import strawberry

from domain.errors import DomainError
from domain.orders import model as orders
from domain.orders.service import (
    Cancelled,
    DeadManTimer,
    OrderDraft,
    cancel_all_after,
    cancel_all_orders,
    cancel_order,
    check_batch,
    place_order,
    replace_order,
)
from domain.units import Grams, MinorUnits
from schema.context import Info
from schema.errors import (
    USER_ERRORS,
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
    UserError,
    as_user_error,
)
from schema.node import represents
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
    self_trade: orders.SelfTradePrevention | None = strawberry.field(
        description="what happens where it meets one of the caller's own orders; the incoming order's word counts",
        default=orders.SelfTradePrevention.CANCEL_NEWEST,
    )


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
ReplaceOrderResult = Annotated[
    Order
    | InvalidInput
    | NotFound
    | OrderNotOpen
    | InsufficientBalance
    | PriceOutsideBand
    | MarketClosed
    | OrderLimitExceeded
    | IdempotencyKeyReused
    | Overloaded
    | TooManyRequests,
    strawberry.union("ReplaceOrderResult"),
]
CancelOrderResult = Annotated[
    Order | NotFound | OrderNotOpen | MarketClosed | Overloaded, strawberry.union("CancelOrderResult")
]


@strawberry.type(description="In the order of the input, at most 100; each is taken or refused alone.")
class PlaceOrdersPayload:
    results: list[orders.Order | UserError] = strawberry.field(graphql_type=list[PlaceOrderResult])


@strawberry.type
@represents(Cancelled)
class CancelAllOrdersPayload:
    count: int
    client_order_ids: list[strawberry.ID]
    left: int = strawberry.field(description="open orders that stay: nothing is cancelled in an auction's last seconds")


@strawberry.type
@represents(DeadManTimer)
class CancelAllAfterPayload:
    runs_out: datetime | None = strawberry.field(
        name="cancelsAt", description="when all open orders are cancelled; null where the timer is off"
    )


PlaceOrdersResult = Annotated[
    PlaceOrdersPayload | InvalidInput | TooManyRequests, strawberry.union("PlaceOrdersResult")
]
CancelAllOrdersResult = Annotated[
    CancelAllOrdersPayload | InvalidInput | Overloaded | TooManyRequests, strawberry.union("CancelAllOrdersResult")
]
CancelAllAfterResult = Annotated[
    CancelAllAfterPayload | InvalidInput | Overloaded | TooManyRequests, strawberry.union("CancelAllAfterResult")
]


def draft_of(input: PlaceOrderInput) -> OrderDraft:
    return OrderDraft(
        client_order_id=input.client_order_id,
        symbol=input.symbol,
        side=input.side,
        quantity=input.quantity,
        price=input.price,
        type=input.type or orders.OrderType.LIMIT,
        time_in_force=input.time_in_force or orders.TimeInForce.GTC,
        expires_at=input.expires_at,
        post_only=bool(input.post_only),
        self_trade=input.self_trade or orders.SelfTradePrevention.CANCEL_NEWEST,
    )


def _told(result: orders.Order | BaseException) -> orders.Order | UserError:
    """What has no place in a list (nobody knows whether it happened; a fault of ours) is told of the whole request."""
    if isinstance(result, orders.Order):
        return result
    if type(result) not in USER_ERRORS:
        raise result
    assert isinstance(result, DomainError)
    return as_user_error(result)


@strawberry.type
class OrderMutations:
    @strawberry.mutation(graphql_type=PlaceOrderResult, extensions=[Limited("orders"), Requires(person)])
    @staticmethod
    async def place_order(info: Info, input: PlaceOrderInput) -> orders.Order:
        context = info.context
        return await place_order(context.commands, context.stores.market, owner=context.owner, draft=draft_of(input))

    @strawberry.mutation(
        graphql_type=PlaceOrdersResult,
        extensions=[Requires(person)],
        description="up to 100 orders, each as placeOrder would take it; each counts towards the rate limit",
    )
    @staticmethod
    async def place_orders(info: Info, inputs: list[PlaceOrderInput]) -> PlaceOrdersPayload:
        context, drafts = info.context, [draft_of(input) for input in inputs]
        check_batch(drafts)
        await context.limits.count("orders", str(context.owner), len(drafts))
        placing = [
            place_order(context.commands, context.stores.market, owner=context.owner, draft=draft) for draft in drafts
        ]
        placed = await asyncio.gather(*placing, return_exceptions=True)
        return PlaceOrdersPayload(results=[_told(result) for result in placed])

    @strawberry.mutation(
        graphql_type=ReplaceOrderResult,
        extensions=[Limited("orders"), Requires(person)],
        description=(
            "quantity is the whole quantity, what is filled included. The order keeps its place where only its "
            "quantity falls; else it goes to the end of the queue and may trade at once like a new one; a postOnly "
            "that would trade is then REJECTED. A refusal leaves the order as it is."
        ),
    )
    @staticmethod
    async def replace_order(
        info: Info,
        client_order_id: strawberry.ID,
        quantity: Grams,
        price: MinorUnits,
        idempotency_key: strawberry.ID,
    ) -> orders.Order:
        context = info.context
        return await replace_order(
            context.commands,
            context.stores.market,
            owner=context.owner,
            client_order_id=client_order_id,
            quantity=quantity,
            price=price,
            idempotency_key=idempotency_key,
        )

    @strawberry.mutation(graphql_type=CancelOrderResult, extensions=[Limited("orders"), Requires(person)])
    @staticmethod
    async def cancel_order(info: Info, client_order_id: strawberry.ID) -> orders.Order:
        context = info.context
        return await cancel_order(
            context.commands, context.stores.market, owner=context.owner, client_order_id=client_order_id
        )

    @strawberry.mutation(
        graphql_type=CancelAllOrdersResult,
        extensions=[Limited("orders"), Requires(person)],
        description="the caller's open orders, of one market or of all; none is no error",
    )
    @staticmethod
    async def cancel_all_orders(info: Info, symbol: str | None = None) -> Cancelled:
        return await cancel_all_orders(info.context.commands, owner=info.context.owner, symbol=symbol)

    @strawberry.mutation(
        graphql_type=CancelAllAfterResult,
        extensions=[Limited("mutations"), Requires(person)],
        description=(
            "Dead-man timer: cancels all open orders of the caller, with the reason DEAD_MAN, unless it is called "
            "again in time. 5 to 3,600 seconds, 0 switches it off."
        ),
    )
    @staticmethod
    async def cancel_all_after(info: Info, seconds: int) -> DeadManTimer:
        return await cancel_all_after(info.context.commands, owner=info.context.owner, seconds=seconds)
