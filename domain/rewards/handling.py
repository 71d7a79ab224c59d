"""The engine's rules for offers: make one, redeem, capture, cancel, expire."""

from datetime import timedelta

from domain.commands import Answer, CancelRedemption, CaptureRedemption, CreateOffer, RedeemOffer
from domain.errors import InsufficientBalance, InvalidInput, NotFound
from domain.ledger import entries
from domain.ledger.model import AssetKind, EntryKind
from domain.rewards.model import (
    Offer,
    OfferUnavailable,
    Partner,
    Redemption,
    RedemptionNotOpen,
    RedemptionStatus,
)
from domain.turn import Turn


def create_offer(turn: Turn, command: CreateOffer) -> Answer:
    asset = turn.state.assets.get(command.points_asset)
    if asset is None:
        raise NotFound("There is no points asset with this code.")
    if asset.kind is not AssetKind.POINTS:
        raise InvalidInput("An offer is paid in points: name a POINTS asset.", "pointsAsset")
    offer = Offer(
        id=turn.sequence,
        partner=Partner(command.partner_id, command.partner_owner, command.partner_name),
        title=command.title,
        description=command.description,
        points_asset=asset,
        points=command.points,
        remaining=command.stock,
        valid_until=command.valid_until,
    )
    turn.state.offers[offer.id] = offer
    turn.touch_offer(offer)
    return Answer("offer", {"id": offer.id})


def redeem_offer(turn: Turn, command: RedeemOffer) -> Answer:
    """Holds the points and one piece of the stock until the till captures it, its owner cancels or its time is over."""
    offer = turn.state.offers.get(command.offer)
    if offer is None:
        raise NotFound("There is no such offer.")
    if offer.remaining == 0:
        raise OfferUnavailable("This offer is sold out.")
    if offer.valid_until is not None and offer.valid_until <= turn.now:
        raise OfferUnavailable("This offer has ended.")
    available = turn.available(command.caller, offer.points_asset)
    if available < offer.points:
        raise InsufficientBalance(
            f"This offer costs {offer.points} points; {available} are available.",
            asset=offer.points_asset.code,
            available=available,
            required=offer.points,
        )
    redemption = Redemption(
        id=turn.sequence,
        owner=command.caller,
        offer=offer,
        points=offer.points,
        code=command.code,
        status=RedemptionStatus.RESERVED,
        created_at=turn.now,
        expires_at=turn.now + timedelta(minutes=command.minutes),
    )
    _move_stock(turn, offer, -1)
    turn.state.add_redemption(redemption)
    postings = entries.hold(redemption.owner, offer.points_asset.id, redemption.points)
    turn.post(EntryKind.REDEMPTION_HOLD, f"redemption:{redemption.id}", postings)
    turn.touch_redemption(redemption)
    return _answer(redemption)


def cancel_redemption(turn: Turn, command: CancelRedemption) -> Answer:
    """Cancelling what its owner has already cancelled returns it."""
    redemption = turn.state.redemption(command.redemption)
    if redemption is None or redemption.owner != command.caller:
        raise NotFound("There is no such redemption of yours.")
    if redemption.status is RedemptionStatus.CANCELLED:
        return _answer(redemption)
    _check_reserved(redemption)
    give_back(turn, redemption, RedemptionStatus.CANCELLED)
    return _answer(redemption)


def capture_redemption(turn: Turn, command: CaptureRedemption) -> Answer:
    """The first till that asks gets it; points go to the partner, whose offer it must be."""
    redemption = turn.state.redemption(turn.state.redemption_codes.get(command.code))
    if redemption is None or redemption.offer.partner.owner != command.caller:
        raise NotFound("No redemption at your shop has this code.")
    _check_reserved(redemption)
    turn.state.end_redemption(redemption, RedemptionStatus.CAPTURED)
    postings = entries.capture(redemption.owner, command.caller, redemption.offer.points_asset.id, redemption.points)
    turn.post(EntryKind.REDEMPTION_CAPTURE, f"redemption:{redemption.id}", postings)
    turn.touch_redemption(redemption)
    turn.things.till_references[redemption.id] = command.till_reference
    return _answer(redemption)


def give_back(turn: Turn, redemption: Redemption, status: RedemptionStatus) -> None:
    """Frees the points and the stock of a reserved redemption."""
    turn.state.end_redemption(redemption, status)
    postings = entries.release(redemption.owner, redemption.offer.points_asset.id, redemption.points)
    turn.post(EntryKind.REDEMPTION_RELEASE, f"redemption:{redemption.id}", postings)
    turn.touch_redemption(redemption)
    _move_stock(turn, redemption.offer, 1)


def _move_stock(turn: Turn, offer: Offer, pieces: int) -> None:
    if offer.remaining is not None:
        offer.remaining += pieces
        turn.touch_offer(offer)


def _check_reserved(redemption: Redemption) -> None:
    if redemption.status is not RedemptionStatus.RESERVED:
        raise RedemptionNotOpen(f"This redemption is {redemption.status}.", status=redemption.status.value)


def _answer(redemption: Redemption) -> Answer:
    return Answer("redemption", {"id": redemption.id}, redemption.as_it_is())
