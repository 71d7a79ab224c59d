"""The end of a demo's journey: left-over grams become points, points a bus pass that a till captures."""

import asyncio
from collections.abc import Callable

from mobile_stub.journey import Journey, Member
from mobile_stub.phone import expect
from mobile_stub.stage import OFFER_POINTS
from mobile_stub.together import together

CONVERT_GRAMS = 8_000
TOLD_SECONDS = 10


async def spend(journey: Journey) -> None:
    """Everybody converts and redeems. The first gives one redemption back, and two tills race for the next one."""
    journey.tally.enter("spending points")
    for member in journey.members:
        if not await member.phone.is_told_all(TOLD_SECONDS):
            journey.failures.append(f"{member.name} was not told of all its trades within {TOLD_SECONDS} s")
    await together(convert(journey, member) for member in journey.members)
    buyers = [member for member in journey.members if can_redeem(journey, member)]
    if buyers:
        await _change_of_mind(journey, buyers[0])
        await _race_of_tills(journey, buyers[0])
    await together(redeem(journey, member) for member in buyers[1:])


def can_redeem(journey: Journey, member: Member) -> bool:
    return _points(journey, member) >= OFFER_POINTS


async def convert(journey: Journey, member: Member) -> None:
    """Some grams become points. Sell orders are taken back where they hold the grams."""
    phone, asset = member.phone, journey.asset
    if phone.balance(asset).available < CONVERT_GRAMS:
        for order in phone.storage.open_orders():
            if order.side == "SELL":
                await phone.cancel_order(order.client_order_id)
        await _told(journey, member, lambda: phone.balance(asset).held == 0, "its cancelled orders")
    grams = min(phone.balance(asset).available, CONVERT_GRAMS)
    points = journey.stage.points_for(grams)
    if points == 0:
        return
    before = _points(journey, member)
    expect("ConvertPayload", await phone.convert_to_points(asset, grams))
    member.converted_grams += grams
    journey.tally.points_converted += points
    await _told(journey, member, lambda: _points(journey, member) == before + points, "the points for its grams")


async def redeem(journey: Journey, member: Member) -> None:
    """The phone shows a code and a till captures it."""
    redemption = expect("Redemption", await member.phone.redeem(journey.stage.offer["id"]))
    expect("Redemption", await journey.stage.tills[0].capture(redemption["tillCode"]))
    await _told_of(journey, member, redemption["id"], "CAPTURED")


async def _change_of_mind(journey: Journey, member: Member) -> None:
    before = _points(journey, member)
    redemption = expect("Redemption", await member.phone.redeem(journey.stage.offer["id"]))
    expect("Redemption", await member.phone.cancel_redemption(redemption["id"]))
    await _told_of(journey, member, redemption["id"], "CANCELLED")
    await _told(journey, member, lambda: _points(journey, member) == before, "its points given back")


async def _race_of_tills(journey: Journey, member: Member) -> None:
    redemption = expect("Redemption", await member.phone.redeem(journey.stage.offer["id"]))
    answers = await asyncio.gather(*(till.capture(redemption["tillCode"]) for till in journey.stage.tills))
    kinds = sorted(answer["__typename"] for answer in answers)
    if kinds != ["Redemption", "RedemptionNotOpen"]:
        journey.failures.append(f"two tills captured one code at the same time and were answered {kinds}")
    await _told_of(journey, member, redemption["id"], "CAPTURED")


def _points(journey: Journey, member: Member) -> int:
    return member.phone.balance(journey.stage.points_asset).available


async def _told_of(journey: Journey, member: Member, redemption_id: str, status: str) -> None:
    redemptions = member.phone.storage.redemptions
    await _told(journey, member, lambda: redemptions().get(redemption_id) == status, f"a redemption being {status}")


async def _told(journey: Journey, member: Member, condition: Callable[[], bool], what: str) -> None:
    if not await member.phone.feed.wait_until(condition, TOLD_SECONDS):
        journey.failures.append(f"{member.name} was not told of {what} within {TOLD_SECONDS} s")
