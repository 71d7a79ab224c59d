from datetime import datetime

import strawberry

from domain.rewards import model as rewards
from schema.context import Info
from schema.ledger.types import Asset
from schema.node import Node, represents
from schema.scalars import Amount

strawberry.enum(rewards.RedemptionStatus)


@strawberry.type
@represents(rewards.Partner, key=lambda partner: partner.id)
class Partner(Node):
    name: str


@strawberry.type
@represents(rewards.Offer, key=lambda offer: offer.id)
class Offer(Node):
    title: str
    description: str
    partner: Partner
    points_asset: Asset
    points: Amount
    remaining: int | None
    valid_until: datetime | None


@strawberry.type(
    description=(
        "Points and stock are held when it is made, spent when the retailer captures it, given back when it is "
        "cancelled or expires (15 minutes, GRAMME_REDEMPTION_MINUTES). Its owner sees `code` as long as it is "
        "RESERVED."
    )
)
@represents(rewards.Redemption, key=lambda redemption: redemption.id)
class Redemption(Node):
    offer: Offer
    status: rewards.RedemptionStatus
    points: Amount
    expires_at: datetime
    created_at: datetime

    @strawberry.field
    @staticmethod
    def code(redemption: strawberry.Parent[rewards.Redemption], info: Info) -> str | None:
        return redemption.code if _is_shown(redemption, info) else None

    @strawberry.field
    @staticmethod
    def qr_payload(redemption: strawberry.Parent[rewards.Redemption], info: Info) -> str | None:
        return f"{rewards.QR_PREFIX}{redemption.code}" if _is_shown(redemption, info) else None


def _is_shown(redemption: rewards.Redemption, info: Info) -> bool:
    """The code is money until it is captured: only its owner sees it, and only as long as it is worth something."""
    return redemption.status is rewards.RedemptionStatus.RESERVED and info.context.owner == redemption.owner
