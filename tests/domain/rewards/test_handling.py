"""Offers and redemptions: held, then captured, cancelled or expired, each exactly once."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.errors import InsufficientBalance, InvalidInput, NotFound
from domain.ledger.model import AssetKind
from domain.rewards.model import Offer, OfferUnavailable, Partner, Redemption, RedemptionNotOpen, RedemptionStatus
from tests import factories as make
from tests.domain.exchange import Exchange, effects, picture, told
from tests.factories import ALICE, BOB, MONEY, NOON, OTHER_SHOP, POINTS, SHOP, SYMBOL


@pytest.fixture
def exchange() -> Exchange:
    """Alice and Bob have 1,000 points each."""
    exchange = Exchange()
    exchange.done(make.create_programme())
    for owner in (ALICE, BOB):
        exchange.done(make.issue(owner, 1_000, POINTS))
    return exchange


def offer_of(exchange: Exchange, points: int = 250, **fields: object) -> Offer:
    number = exchange.done(make.create_offer(points, **fields)).answer.data["id"]
    return exchange.state.offers[number]


# ---------------------------------------------------------------- offers


def test_an_offer_is_what_was_asked_for(exchange: Exchange) -> None:
    until = NOON + timedelta(days=1)

    outcome = exchange.done(make.create_offer(250, stock=3, valid_until=until))

    offer = Offer(
        id=outcome.sequence,
        partner=Partner(UUID(int=1 << 100), SHOP, "Corner shop"),
        title="Coffee",
        description="One cup",
        points_asset=exchange.state.assets[POINTS],
        points=250,
        remaining=3,
        valid_until=until,
    )
    assert (outcome.answer.kind, outcome.answer.data) == ("offer", {"id": offer.id})
    assert outcome.things is not None
    assert outcome.things.offers == {offer.id: offer}
    assert exchange.state.offers == {offer.id: offer}
    assert outcome.entries == []
    assert outcome.news == []


def test_an_offer_is_paid_in_points(exchange: Exchange) -> None:
    assert exchange.refusal(make.create_offer(250, points_asset="PTS-PAR"), NotFound) == {}
    for asset in (MONEY, SYMBOL):
        assert exchange.state.assets[asset].kind is not AssetKind.POINTS
        assert exchange.refusal(make.create_offer(250, points_asset=asset), InvalidInput) == {"field": "pointsAsset"}


# ---------------------------------------------------------------- redeeming


def test_redeeming_holds_the_points_and_one_of_the_stock(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=3)

    outcome = exchange.done(make.redeem(ALICE, offer.id, "SECRET", minutes=15))

    redemption = outcome.answer.state
    assert redemption == Redemption(
        id=outcome.sequence,
        owner=ALICE,
        offer=offer,
        points=250,
        code="SECRET",
        status=RedemptionStatus.RESERVED,
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=15),
    )
    assert outcome.answer.data == {"id": redemption.id}
    assert offer.remaining == 2
    assert exchange.legs(outcome) == [
        (
            "REDEMPTION_HOLD",
            f"redemption:{redemption.id}",
            {(ALICE, POINTS, False, -250), (ALICE, POINTS, True, 250)},
        )
    ]
    assert told(outcome, ALICE) == [
        ["R", redemption.id, "RESERVED"],
        ["B", exchange.state.assets[POINTS].id, 750, 250, "REDEMPTION_HOLD"],
    ]


def test_an_answer_shows_the_stock_as_that_command_left_it(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=3)

    first = exchange.redemption(make.redeem(ALICE, offer.id))
    exchange.redemption(make.redeem(BOB, offer.id))

    assert first.offer.remaining == 2


def test_an_offer_without_a_limit_never_runs_out(exchange: Exchange) -> None:
    offer = offer_of(exchange, points=1)

    for _ in range(50):
        exchange.redemption(make.redeem(ALICE, offer.id))

    assert offer.remaining is None
    assert exchange.balance(ALICE, POINTS) == (950, 50)


def test_the_last_one_is_sold_once(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=1)
    exchange.redemption(make.redeem(ALICE, offer.id))

    assert exchange.refusal(make.redeem(BOB, offer.id), OfferUnavailable) == {}
    assert offer.remaining == 0


def test_an_offer_without_stock_is_sold_out(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=0)

    assert exchange.refusal(make.redeem(ALICE, offer.id), OfferUnavailable) == {}


def test_an_offer_ends_at_its_time(exchange: Exchange) -> None:
    offer = offer_of(exchange, valid_until=NOON + timedelta(minutes=1))

    exchange.forward(seconds=59.999999)
    exchange.redemption(make.redeem(ALICE, offer.id))
    exchange.forward(microseconds=1)
    assert exchange.refusal(make.redeem(ALICE, offer.id), OfferUnavailable) == {}


def test_an_unknown_offer_is_not_found(exchange: Exchange) -> None:
    assert exchange.refusal(make.redeem(ALICE, 4_711), NotFound) == {}


def test_one_must_have_the_points(exchange: Exchange) -> None:
    offer = offer_of(exchange, points=600, stock=5)
    exchange.redemption(make.redeem(ALICE, offer.id))

    assert exchange.refusal(make.redeem(ALICE, offer.id), InsufficientBalance) == {
        "asset": POINTS,
        "available": 400,
        "required": 600,
    }
    assert offer.remaining == 4


# ---------------------------------------------------------------- capturing


def test_the_till_gets_the_points_for_the_partner(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=3)
    reserved = exchange.redemption(make.redeem(ALICE, offer.id, "SECRET"))

    outcome = exchange.done(make.capture("SECRET", till="till 7"))

    captured = outcome.answer.state
    assert (captured.id, captured.status) == (reserved.id, RedemptionStatus.CAPTURED)
    assert exchange.legs(outcome) == [
        (
            "REDEMPTION_CAPTURE",
            f"redemption:{captured.id}",
            {(ALICE, POINTS, True, -250), (SHOP, POINTS, False, 250)},
        )
    ]
    assert outcome.things is not None
    assert outcome.things.till_references == {captured.id: "till 7"}
    assert offer.remaining == 2
    assert exchange.balance(ALICE, POINTS) == (750, 0)
    assert exchange.balance(SHOP, POINTS) == (250, 0)
    points = exchange.state.assets[POINTS].id
    assert told(outcome, ALICE) == [["R", captured.id, "CAPTURED"], ["B", points, 750, 0, "REDEMPTION_CAPTURE"]]
    assert told(outcome, SHOP) == [["B", points, 250, 0, "REDEMPTION_CAPTURE"]]


def test_a_second_till_is_told_that_it_is_captured(exchange: Exchange) -> None:
    offer = offer_of(exchange)
    exchange.redemption(make.redeem(ALICE, offer.id, "SECRET"))
    exchange.redemption(make.capture("SECRET", till="till 1"))

    assert exchange.refusal(make.capture("SECRET", till="till 2"), RedemptionNotOpen) == {"status": "CAPTURED"}
    assert exchange.balance(SHOP, POINTS) == (250, 0)


def test_another_partners_code_does_not_exist_here(exchange: Exchange) -> None:
    offer = offer_of(exchange)
    exchange.redemption(make.redeem(ALICE, offer.id, "SECRET"))

    assert exchange.refusal(make.capture("SECRET", partner=OTHER_SHOP), NotFound) == {}
    assert exchange.refusal(make.capture("SECRET", partner=ALICE), NotFound) == {}
    assert exchange.refusal(make.capture("OTHER"), NotFound) == {}
    assert exchange.refusal(make.capture("secret"), NotFound) == {}


def test_after_capture_a_strangers_shop_still_learns_nothing(exchange: Exchange) -> None:
    offer = offer_of(exchange)
    exchange.redemption(make.redeem(ALICE, offer.id, "SECRET"))
    exchange.redemption(make.capture("SECRET"))

    assert exchange.refusal(make.capture("SECRET", partner=OTHER_SHOP), NotFound) == {}


# ---------------------------------------------------------------- giving back


def test_cancelling_gives_back_points_and_stock(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=3)
    redemption = exchange.redemption(make.redeem(ALICE, offer.id, "SECRET"))

    outcome = exchange.done(make.cancel_redemption(ALICE, redemption.id))

    assert outcome.answer.state.status is RedemptionStatus.CANCELLED
    assert exchange.legs(outcome) == [
        (
            "REDEMPTION_RELEASE",
            f"redemption:{redemption.id}",
            {(ALICE, POINTS, True, -250), (ALICE, POINTS, False, 250)},
        )
    ]
    assert told(outcome, ALICE) == [
        ["R", redemption.id, "CANCELLED"],
        ["B", exchange.state.assets[POINTS].id, 1_000, 0, "REDEMPTION_RELEASE"],
    ]
    assert offer.remaining == 3
    assert exchange.refusal(make.capture("SECRET"), RedemptionNotOpen) == {"status": "CANCELLED"}


def test_cancelling_again_returns_it_and_moves_nothing(exchange: Exchange) -> None:
    redemption = exchange.redemption(make.redeem(ALICE, offer_of(exchange, stock=3).id))
    cancelled = exchange.redemption(make.cancel_redemption(ALICE, redemption.id))
    before = picture(exchange.state)

    outcome = exchange.done(make.cancel_redemption(ALICE, redemption.id))

    assert outcome.answer.state == cancelled
    assert effects(outcome) == {}
    assert picture(exchange.state) == before


def test_a_strangers_redemption_does_not_exist_for_me(exchange: Exchange) -> None:
    redemption = exchange.redemption(make.redeem(ALICE, offer_of(exchange).id))

    assert exchange.refusal(make.cancel_redemption(BOB, redemption.id), NotFound) == {}
    assert exchange.refusal(make.cancel_redemption(SHOP, redemption.id), NotFound) == {}
    assert exchange.refusal(make.cancel_redemption(ALICE, 4_711), NotFound) == {}


def test_what_is_captured_cannot_be_cancelled(exchange: Exchange) -> None:
    redemption = exchange.redemption(make.redeem(ALICE, offer_of(exchange).id, "SECRET"))
    exchange.redemption(make.capture("SECRET"))

    assert exchange.refusal(make.cancel_redemption(ALICE, redemption.id), RedemptionNotOpen) == {"status": "CAPTURED"}


def test_a_redemption_expires_after_its_minutes(exchange: Exchange) -> None:
    offer = offer_of(exchange, stock=1)
    redemption = exchange.redemption(make.redeem(ALICE, offer.id, "SECRET", minutes=15))

    exchange.forward(minutes=14, seconds=59.999999)
    assert exchange.apply(make.expire_due()).answer.data == {"ended": 0}
    exchange.forward(microseconds=1)
    outcome = exchange.apply(make.expire_due())

    assert outcome.answer.data == {"ended": 1}
    assert told(outcome, ALICE) == [
        ["R", redemption.id, "EXPIRED"],
        ["B", exchange.state.assets[POINTS].id, 1_000, 0, "REDEMPTION_RELEASE"],
    ]
    assert offer.remaining == 1
    assert exchange.refusal(make.capture("SECRET"), RedemptionNotOpen) == {"status": "EXPIRED"}
    assert exchange.refusal(make.cancel_redemption(ALICE, redemption.id), RedemptionNotOpen) == {"status": "EXPIRED"}
    exchange.redemption(make.redeem(BOB, offer.id))


def test_a_captured_redemption_does_not_expire(exchange: Exchange) -> None:
    exchange.redemption(make.redeem(ALICE, offer_of(exchange).id, "SECRET"))
    exchange.redemption(make.capture("SECRET"))

    exchange.forward(hours=1)

    assert exchange.state.is_due(exchange.now) is False
    assert exchange.apply(make.expire_due()).answer.data == {"ended": 0}
    assert exchange.balance(ALICE, POINTS) == (750, 0)
