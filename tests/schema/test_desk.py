"""The operator's desk over GraphQL: terms, halts, the reserve, and what a regulator sees of them."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.resources import Resources
from domain.identity.model import Role, User
from domain.ids import new_id
from tests.conftest import PASSWORD, sign_in
from tests.schema.world import DEPOSIT, World, key, make_world

TERMS = """mutation ($symbol: String!, $terms: TradingTermsInput!, $key: ID!) {
    setTradingTerms(symbol: $symbol, terms: $terms, idempotencyKey: $key) {
      __typename
      ... on Instrument { phase priceFloor priceCeiling referencePrice opensAt
        terms { band holding smallestOrder calendar { timeZone holidays sessions { weekday collects opens closes } } } }
      ... on InvalidInput { field message } } }"""
HALT = """mutation ($symbol: String!, $key: ID!) { haltMarket(
    symbol: $symbol, reason: "A rumour", idempotencyKey: $key) { ... on Instrument { phase phaseUntil } } }"""
RESUME = """mutation ($symbol: String!, $key: ID!) { resumeMarket(symbol: $symbol, idempotencyKey: $key) {
    ... on Instrument { symbol } } }"""
PLACE = """mutation ($symbol: String!, $key: ID!, $side: OrderSide!, $quantity: Grams!, $price: MinorUnits!) {
    placeOrder(input: { clientOrderId: $key, symbol: $symbol, side: $side, quantity: $quantity, price: $price }) {
      __typename ... on Order { status averagePrice }
      ... on PriceOutsideBand { floor ceiling } ... on MarketClosed { opensAt message } } }"""
PROPOSE = """mutation ($symbol: String!, $part: ReservePart!, $price: MinorUnits!, $quantity: Grams!, $key: ID!) {
    proposeReserve(symbol: $symbol, part: $part, price: $price, quantity: $quantity, idempotencyKey: $key) {
      __typename ... on Proposal { id status } ... on OrderLimitExceeded { message } } }"""
DECIDE = """mutation ($id: ID!, $approve: Boolean!, $key: ID!) {
    decideProposal(proposalId: $id, approve: $approve, idempotencyKey: $key) {
      __typename ... on Proposal { status } } }"""
BOOK = """query ($symbol: String!) { instrument(symbol: $symbol) { phase orderBook {
    sequence bids { price quantity } asks { price quantity }
    trading { phase indicativePrice indicativeQuantity surplus } } } }"""


@pytest.fixture
async def world(client: httpx.AsyncClient, resources: Resources) -> World:
    return await make_world(client, resources)


async def terms(world: World, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await world.must(
        "operator", TERMS, {"symbol": world.symbol, "terms": changes, "key": key()}
    )
    return answer


async def place(world: World, side: str, quantity: int, price: int, role: str = "member A") -> dict[str, Any]:
    variables = {"symbol": world.symbol, "key": key(), "side": side, "quantity": quantity, "price": price}
    answer: dict[str, Any] = await world.must(role, PLACE, variables)
    return answer


async def test_terms_hold_from_the_next_order_on(world: World) -> None:
    changed = await terms(world, referencePrice=5_000, band=2_000, holding=9_000_000)

    assert (changed["referencePrice"], changed["priceFloor"], changed["priceCeiling"]) == (5_000, 4_000, 6_000)
    assert await place(world, "BUY", 1_000, 6_001) == {
        "__typename": "PriceOutsideBand",
        "floor": 4_000,
        "ceiling": 6_000,
    }
    freed = await terms(world, band=None, holding=None)
    assert (freed["terms"]["band"], freed["terms"]["holding"], freed["priceCeiling"]) == (None, None, None)
    assert (await terms(world, smallestOrder=None))["field"] == "smallestOrder"
    assert (await terms(world, tickSize=0))["field"] == "tickSize"
    assert (await terms(world, referencePrice=0))["field"] == "referencePrice"
    assert (await terms(world))["terms"]["smallestOrder"] == 1


async def test_a_calendar_with_the_public_holidays_of_a_region(world: World) -> None:
    session = {"collects": "08:30", "opens": "09:00", "closes": "17:00"}
    calendar = {
        "timeZone": "Europe/London",
        "sessions": [{"weekday": day, **session} for day in range(5)],
        "holidaysOf": "GB-ENG",
        "holidays": ["2030-02-28"],
    }

    changed = await terms(world, calendar=calendar)

    told = changed["terms"]["calendar"]
    assert (told["timeZone"], told["sessions"][0]) == ("Europe/London", {"weekday": 0, **session})
    year = datetime.now(UTC).year
    assert {f"{year + 1}-12-25", "2030-02-28"} <= set(told["holidays"])
    for wrong, field in (
        ({"holidaysOf": "XX"}, "holidaysOf"),
        ({"timeZone": "Mars"}, "timeZone"),
        ({"sessions": []}, "sessions"),
        ({"sessions": [{"weekday": 0, "collects": "8", "opens": "09:00", "closes": "17:00"}]}, "sessions"),
    ):
        assert (await terms(world, calendar={**calendar, **wrong}))["field"] == field


async def test_a_halted_market_tells_everybody_and_opens_by_an_auction(world: World) -> None:
    variables = {"symbol": world.symbol, "key": key()}
    before = (await world.must("anonymous", BOOK, {"symbol": world.symbol}))["orderBook"]

    assert await world.must("operator", HALT, variables) == {"phase": "HALTED", "phaseUntil": None}
    assert await world.must("operator", HALT, variables) == {"phase": "HALTED", "phaseUntil": None}, "the same key"

    halted = (await world.must("anonymous", BOOK, {"symbol": world.symbol}))["orderBook"]
    assert (halted["sequence"], halted["trading"]["phase"]) == (before["sequence"] + 1, "HALTED")
    assert (await place(world, "BUY", 1_000, 5_000))["__typename"] == "MarketClosed"
    await terms(world, auctionSeconds=3_600)
    await world.must("operator", RESUME, {"symbol": world.symbol, "key": key()})
    for _ in range(100):
        book = (await world.must("anonymous", BOOK, {"symbol": world.symbol}))["orderBook"]
        if book["trading"]["phase"] == "CALL_AUCTION":
            break
    await world.must("operator", DEPOSIT, {"user": world.members["B"].id, "key": key()})
    await place(world, "BUY", 3_000, 6_000, "member B")
    book = (await world.must("anonymous", BOOK, {"symbol": world.symbol}))["orderBook"]
    assert book["trading"] == {
        "phase": "CALL_AUCTION",
        "indicativePrice": 5_500,
        "indicativeQuantity": 3_000,
        "surplus": -7_000,
    }


async def test_the_reserve_needs_two_operators(world: World, client: httpx.AsyncClient, resources: Resources) -> None:
    proposal = await world.must(
        "operator",
        PROPOSE,
        {"symbol": world.symbol, "part": "TIER_1", "price": 4_000, "quantity": 5_000, "key": key()},
    )
    decision = {"id": proposal["id"], "approve": True, "key": key()}
    assert await world.must("operator", DECIDE, decision) == {"__typename": "SecondOperatorNeeded"}
    world.tokens["second"] = (await another_operator(client, resources)).token

    decision["key"] = key()
    assert await world.must("second", DECIDE, decision) == {"__typename": "Proposal", "status": "APPROVED"}
    assert await world.must("second", DECIDE, decision) == {"__typename": "Proposal", "status": "APPROVED"}

    assert (await place(world, "BUY", 2_000, 4_500))["averagePrice"] == 4_000
    acts = await world.must("regulator", "{ operatorActs(first: 3) { edges { node { kind answer values } } } }")
    assert [(edge["node"]["kind"], edge["node"]["answer"]) for edge in acts["edges"]] == [
        ("DECIDE_PROPOSAL", "proposal"),
        ("DECIDE_PROPOSAL", "SECOND_OPERATOR_NEEDED"),
        ("PROPOSE_RESERVE", "proposal"),
    ]
    assert acts["edges"][2]["node"]["values"] == {
        "symbol": world.symbol,
        "part": "TIER_1",
        "price": 4_000,
        "quantity": 5_000,
    }
    proposals = await world.must("regulator", "{ proposals { edges { node { id status decidedBy } } } }")
    assert [edge["node"]["status"] for edge in proposals["edges"]] == ["APPROVED"]


async def test_a_reserve_beyond_the_largest_order_is_refused_with_the_numbers(world: World) -> None:
    proposed = {"symbol": world.symbol, "part": "TIER_1", "price": 4_000, "quantity": 1_000_000_001_000, "key": key()}

    assert await world.must("operator", PROPOSE, proposed) == {
        "__typename": "OrderLimitExceeded",
        "message": "An order has at most 1000000000000 g, this one has 1000000001000 g; place several.",
    }


async def test_a_closed_week_is_told_without_its_members_footprints(world: World) -> None:
    acts = await world.must("regulator", "{ operatorActs(first: 50) { edges { node { kind values } } } }")

    [closed] = [edge["node"]["values"] for edge in acts["edges"] if edge["node"]["kind"] == "CLOSE_PERIOD"]
    assert closed.keys() == {"programme_code", "week_start"}


async def test_an_operator_cancels_an_order(world: World) -> None:
    cancel = """mutation ($id: ID!, $key: ID!) {
        cancelOrderOf(orderId: $id, reason: "A complaint", idempotencyKey: $key) {
        __typename ... on Order { status reason } } }"""
    variables = {"id": world.ids["Order"], "key": key()}

    done = await world.must("operator", cancel, variables)

    assert done == {"__typename": "Order", "status": "CANCELLED", "reason": "CANCELLED_BY_OPERATOR"}
    assert await world.must("operator", cancel, variables) == done
    again = await world.must("operator", cancel, {**variables, "key": key()})
    assert again == {"__typename": "OrderNotOpen"}


async def another_operator(client: httpx.AsyncClient, resources: Resources) -> Any:
    now = datetime.now(UTC)
    roles = frozenset({Role.MEMBER, Role.OPERATOR})
    user = User(new_id(now), 0, "second@example.com", "Second", "GB", "en", "UTC", roles, now)
    await resources.stores.users.add(user, await resources.hasher.hash(PASSWORD))
    return await sign_in(client, "second@example.com")
