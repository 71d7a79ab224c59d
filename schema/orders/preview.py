"""What an order would come to, told before it is placed."""

from typing import Annotated

import strawberry

from domain.errors import DomainError
from domain.identity.model import Viewer
from domain.orders import model as orders
from domain.orders import preview as domain
from domain.orders.service import preview_order
from domain.units import Grams, MinorUnits
from schema.context import Info
from schema.errors import (
    InsufficientBalance,
    InvalidInput,
    MarketClosed,
    OrderLimitExceeded,
    PriceOutsideBand,
    UserError,
    as_user_error,
)
from schema.ledger.types import Asset
from schema.orders.mutations import PlaceOrderInput, draft_of
from schema.scalars import Amount

OrderRefusal = Annotated[
    InvalidInput | InsufficientBalance | PriceOutsideBand | MarketClosed | OrderLimitExceeded,
    strawberry.union("OrderRefusal"),
]


@strawberry.type(description="What the order would trade at one price as the book is.")
class ExpectedFill:
    price: MinorUnits
    quantity: Grams
    value: MinorUnits
    fee: MinorUnits


@strawberry.type(
    description=(
        "What placeOrder would answer and cost now, by the same rules; nothing is decided and nothing kept. refusals: "
        "every rule that would refuse it, none where it would be taken; amounts are null where its numbers make no "
        "sense. hold: what it would reserve of asset. value, highestFee: of the whole at its limit. status, reason, "
        "remaining: as they would be at once, null where it is refused. fills: by price; each single trade's value and "
        "fee is rounded down. Of orders at one price the caller's own count as the last; a halt is not foreseen."
    )
)
class OrderPreview:
    asset: Asset | None
    hold: Amount | None
    value: MinorUnits | None
    highest_fee: MinorUnits | None
    status: orders.OrderStatus | None
    reason: str | None
    remaining: Grams | None = strawberry.field(name="remainingQuantity")
    filled: Grams = strawberry.field(name="filledQuantity")
    filled_value: MinorUnits
    fee: MinorUnits
    fills: list[ExpectedFill]

    @strawberry.field(graphql_type=list[OrderRefusal])
    @staticmethod
    def refusals(preview: strawberry.Parent[domain.OrderPreview]) -> list[UserError]:
        told: tuple[DomainError, ...] = preview.refusals
        return [as_user_error(refusal) for refusal in told]


@strawberry.type
class ViewerPreview:
    @strawberry.field(graphql_type=OrderPreview)
    @staticmethod
    async def order_preview(
        viewer: strawberry.Parent[Viewer], info: Info, input: PlaceOrderInput
    ) -> domain.OrderPreview:
        context = info.context
        return await preview_order(
            context.stores.market,
            context.stores.ledger,
            context.streams,
            owner=viewer.owner,
            draft=draft_of(input),
            now=context.now,
        )
