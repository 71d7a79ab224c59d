"""Offers, redemptions and the partners behind them."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import DomainError
from domain.ledger.model import Asset

QR_PREFIX = "gramme:redeem:"
"""What stands before the code in the QR picture."""


class RedemptionStatus(StrEnum):
    RESERVED = "RESERVED"
    CAPTURED = "CAPTURED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"


@dataclass(eq=False)
class OfferUnavailable(DomainError):
    pass


@dataclass(eq=False)
class RedemptionNotOpen(DomainError):
    """`status` is the redemption's status, one of RedemptionStatus."""

    status: str


@dataclass(frozen=True, slots=True)
class Partner:
    """A shop. `owner` is its ledger account, where captured points gather."""

    id: UUID
    owner: int
    name: str


@dataclass(slots=True)
class Offer:
    """`points` is the price. `remaining` is the stock left, None without a limit."""

    id: int
    partner: Partner
    title: str
    description: str
    points_asset: Asset
    points: int
    remaining: int | None
    valid_until: datetime | None


@dataclass(slots=True)
class Redemption:
    """Points and stock held for one purchase. `code` is shown to its owner as long as the status is RESERVED."""

    id: int
    owner: int
    offer: Offer
    points: int
    code: str
    status: RedemptionStatus
    created_at: datetime
    expires_at: datetime

    def as_it_is(self) -> "Redemption":
        """A copy, with its offer, that later commands do not change."""
        return replace(self, offer=replace(self.offer))
