from datetime import datetime
from typing import Annotated

import strawberry

from domain.identity.service import create_partner
from domain.rewards import model as rewards
from domain.rewards.service import cancel_redemption, capture_redemption, create_offer, redeem_offer
from schema.context import Info
from schema.errors import (
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidInput,
    NotFound,
    OfferUnavailable,
    Overloaded,
    RedemptionNotOpen,
)
from schema.node import number_of, number_or_none, uuid_of
from schema.permissions import Limited, Requires, operator, partner, person
from schema.rewards.types import Offer, Partner, Redemption
from schema.scalars import Amount


@strawberry.type
class PartnerWithKey:
    partner: rewards.Partner = strawberry.field(graphql_type=Partner)
    api_key: str


CreatePartnerResult = Annotated[PartnerWithKey | InvalidInput, strawberry.union("CreatePartnerResult")]
CreateOfferResult = Annotated[Offer | InvalidInput | NotFound, strawberry.union("CreateOfferResult")]
RedeemOfferResult = Annotated[
    Redemption | OfferUnavailable | InsufficientBalance | IdempotencyKeyReused | NotFound | Overloaded,
    strawberry.union("RedeemOfferResult"),
]
CaptureRedemptionResult = Annotated[
    Redemption | RedemptionNotOpen | NotFound | IdempotencyKeyReused | Overloaded,
    strawberry.union("CaptureRedemptionResult"),
]
CancelRedemptionResult = Annotated[
    Redemption | RedemptionNotOpen | NotFound | Overloaded, strawberry.union("CancelRedemptionResult")
]


@strawberry.type
class RewardMutations:
    @strawberry.mutation(graphql_type=RedeemOfferResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def redeem_offer(info: Info, offer_id: strawberry.ID, idempotency_key: strawberry.ID) -> rewards.Redemption:
        context = info.context
        return await redeem_offer(
            context.commands,
            context.stores.rewards,
            owner=context.owner,
            offer_id=number_or_none(offer_id, "Offer"),
            key=idempotency_key,
            minutes=context.redemption_minutes,
        )

    @strawberry.mutation(graphql_type=CancelRedemptionResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def cancel_redemption(info: Info, id: strawberry.ID) -> rewards.Redemption:
        context = info.context
        return await cancel_redemption(
            context.commands,
            context.stores.rewards,
            owner=context.owner,
            redemption_id=number_of(id, "Redemption"),
        )

    @strawberry.mutation(
        graphql_type=CaptureRedemptionResult,
        extensions=[Limited("partner"), Requires(partner)],
        description="scope PARTNER: the shop's till captures the code that the phone shows",
    )
    @staticmethod
    async def capture_redemption(info: Info, code: str, till_reference: str) -> rewards.Redemption:
        context = info.context
        return await capture_redemption(
            context.commands,
            context.stores.rewards,
            partner_owner=context.owner,
            code=code,
            till_reference=till_reference,
        )

    @strawberry.mutation(
        graphql_type=CreateOfferResult,
        extensions=[Limited("mutations"), Requires(operator)],
        description="scope OPERATOR",
    )
    @staticmethod
    async def create_offer(
        info: Info,
        partner_id: strawberry.ID,
        title: str,
        description: str,
        points_asset: str,
        points: Amount,
        stock: int | None = None,
        valid_until: datetime | None = None,
    ) -> rewards.Offer:
        context = info.context
        return await create_offer(
            context.commands,
            context.stores.rewards,
            context.stores.partners,
            caller=context.owner,
            partner_id=uuid_of(partner_id, "Partner"),
            title=title,
            description=description,
            points_asset=points_asset,
            points=points,
            stock=stock,
            valid_until=valid_until,
            now=context.now,
        )

    @strawberry.mutation(
        graphql_type=CreatePartnerResult,
        extensions=[Limited("mutations"), Requires(operator)],
        description="scope OPERATOR; the API key is shown once",
    )
    @staticmethod
    async def create_partner(info: Info, name: str) -> PartnerWithKey:
        made, key = await create_partner(info.context.stores.partners, name=name, now=info.context.now)
        return PartnerWithKey(partner=made, api_key=key)
