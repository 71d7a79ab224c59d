"""Offers and redemptions: each change is one command to the writer."""

import base64
import secrets
from datetime import datetime
from uuid import UUID, uuid5

from domain.answers import checked_key, decided, found
from domain.commands import Answer, CancelRedemption, CaptureRedemption, CreateOffer, RedeemOffer
from domain.errors import InvalidInput, NotFound
from domain.ids import NOBODY, new_id
from domain.ports import CommandQueue, PartnerStore, RewardStore
from domain.rewards.model import QR_PREFIX, Offer, Redemption
from domain.text import checked_text, is_storable
from domain.units import OUTSIDE_MAX

CODE_BYTES = 16
CODE_CHARACTERS_MAX = 64
TILL_KEYS = UUID("6f1c9e0a-54c7-5d0b-9f5e-3a6b1f0d2c11")
"""Namespace (RFC 9562, version 5) that turns a till reference into the partner's idempotency key."""


async def create_offer(
    commands: CommandQueue,
    rewards: RewardStore,
    partners: PartnerStore,
    *,
    caller: int,
    partner_id: UUID,
    title: str,
    description: str,
    points_asset: str,
    points: int,
    stock: int | None,
    valid_until: datetime | None,
    now: datetime,
) -> Offer:
    """`stock` None is without a limit. Raises InvalidInput, or NotFound for an unknown partner or points asset."""
    if not 0 < points <= OUTSIDE_MAX:
        raise InvalidInput("An offer costs at least 1 point.", "points")
    if stock is not None and stock < 0:
        raise InvalidInput("The stock is 0 or more, or absent where there is no limit.", "stock")
    if valid_until is not None and valid_until <= now:
        raise InvalidInput("validUntil must lie in the future.", "validUntil")
    partner = await partners.by_id(partner_id)
    if partner is None:
        raise NotFound("There is no such partner.")
    command = CreateOffer(
        caller=caller,
        key=new_id(now),
        partner_id=partner.id,
        partner_owner=partner.owner,
        partner_name=partner.name,
        title=checked_text(title, "title", most=200),
        description=checked_text(description, "description", most=2_000, least=0),
        points_asset=points_asset,
        points=points,
        stock=stock,
        valid_until=valid_until,
    )
    answer = await decided(commands, command)
    return found(await rewards.offer(answer.data["id"]))


async def redeem_offer(
    commands: CommandQueue, rewards: RewardStore, *, owner: int, offer_id: int | None, key: str, minutes: int
) -> Redemption:
    """Reserves points and stock for `minutes`. Raises OfferUnavailable, InsufficientBalance, NotFound."""
    code = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    command = RedeemOffer(
        caller=owner, key=checked_key(key, "idempotencyKey"), offer=offer_id or NOBODY, code=code, minutes=minutes
    )
    return await _redemption(rewards, await decided(commands, command))


async def capture_redemption(
    commands: CommandQueue, rewards: RewardStore, *, partner_owner: int, code: str, till_reference: str
) -> Redemption:
    """`code` as shown or as the QR picture holds it. Exactly one till gets it.

    Raises RedemptionNotOpen, NotFound, IdempotencyKeyReused (another code).
    """
    reference = checked_text(till_reference, "tillReference", most=64)
    code = code.strip().removeprefix(QR_PREFIX).upper()
    if len(code) > CODE_CHARACTERS_MAX or not is_storable(code):
        raise NotFound("No redemption at your shop has this code.")
    command = CaptureRedemption(
        caller=partner_owner, key=uuid5(TILL_KEYS, reference), code=code, till_reference=reference
    )
    return await _redemption(rewards, await decided(commands, command))


async def cancel_redemption(
    commands: CommandQueue, rewards: RewardStore, *, owner: int, redemption_id: int
) -> Redemption:
    """Raises RedemptionNotOpen, NotFound."""
    return await _redemption(rewards, await decided(commands, CancelRedemption(caller=owner, redemption=redemption_id)))


async def _redemption(rewards: RewardStore, answer: Answer) -> Redemption:
    redemption: Redemption | None = answer.state or await rewards.redemption(answer.data["id"])
    return found(redemption)
