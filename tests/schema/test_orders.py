"""Orders through the API: many at once, replaced, cancelled together, and by the dead-man timer."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.resources import Resources
from tests.infra.engine.running import eventually
from tests.schema.world import DEPOSIT, World, key, make_world

PLACE_ALL = """mutation ($inputs: [PlaceOrderInput!]!) { placeOrders(inputs: $inputs) {
    ... on PlaceOrdersPayload { results { __typename ... on Order { clientOrderId status remainingQuantity reason }
        ... on UserError { code message } } }
    ... on UserError { code message } } }"""
REPLACE = """mutation ($order: ID!, $quantity: Grams!, $price: MinorUnits!, $key: ID!) {
    replaceOrder(clientOrderId: $order, quantity: $quantity, price: $price, idempotencyKey: $key) {
    ... on Order { id quantity price sequence status } ... on UserError { code message } } }"""
CANCEL_ALL = """mutation ($symbol: String) { cancelAllOrders(symbol: $symbol) {
    ... on CancelAllOrdersPayload { count clientOrderIds left } ... on UserError { code message } } }"""
TIMER = """mutation ($seconds: Int!) { cancelAllAfter(seconds: $seconds) {
    ... on CancelAllAfterPayload { cancelsAt } ... on UserError { code message } } }"""
ORDER = """query ($order: ID!) { viewer { order(clientOrderId: $order) {
    id quantity price sequence status reason } } }"""
EVENTS = """{ viewer { accountEvents(first: 100) { edges { node { payload {
    ... on OrderUpdated { order { clientOrderId quantity price sequence status } } } } } } } }"""


@pytest.fixture
async def world(client: httpx.AsyncClient, resources: Resources) -> World:
    return await make_world(client, resources)


def sell(world: World, price: int = 6_000, **fields: Any) -> dict[str, Any]:
    values = {"clientOrderId": key(), "symbol": world.symbol, "side": "SELL", "quantity": 2_000, "price": price}
    return values | fields


async def order_now(world: World, client_order_id: str) -> dict[str, Any]:
    viewer = await world.must("member A", ORDER, {"order": client_order_id})
    return dict(viewer["order"])


async def test_orders_sent_together_have_each_its_answer_and_land_in_one_batch(world: World) -> None:
    good = [sell(world, 6_000 + number) for number in range(90)]
    bad = [sell(world, quantity=1), sell(world, clientOrderId="none")]
    inputs = [bad[0], *good, bad[1]]

    await asyncio.sleep(1)
    placed = await world.must("member A", PLACE_ALL, {"inputs": inputs})
    await asyncio.sleep(1)
    again = await world.must("member A", PLACE_ALL, {"inputs": inputs[:3]})

    results = placed["results"]
    assert [each.get("clientOrderId") for each in results[1:-1]] == [each["clientOrderId"] for each in good]
    assert {each["status"] for each in results[1:-1]} == {"OPEN"}
    assert [results[0]["code"], results[-1]["code"]] == ["INVALID_INPUT", "INVALID_INPUT"]
    assert again["results"] == results[:3]
    async with world.resources.database.pool.acquire() as connection:
        rows = await connection.fetch(
            """SELECT o.client_order_id::text AS key, b.sequence AS batch
                 FROM orders o JOIN batch b ON o.id BETWEEN b.first_command AND b.last_command
                WHERE o.price >= 6000 ORDER BY o.id"""
        )
    assert len({row["batch"] for row in rows}) == 1
    assert [row["key"] for row in rows] == [each["clientOrderId"] for each in good]


async def test_more_than_a_hundred_orders_are_refused_together(world: World) -> None:
    refused = await world.must("member A", PLACE_ALL, {"inputs": [sell(world) for _ in range(101)]})

    assert refused == {"code": "INVALID_INPUT", "message": "At most 100 orders at once; these are 101."}


async def test_each_order_of_a_batch_counts_towards_the_limit(world: World) -> None:
    batch = {"inputs": [sell(world, quantity=1) for _ in range(60)]}

    answers = [await world.must("member A", PLACE_ALL, batch) for _ in range(5)]

    assert "TOO_MANY_REQUESTS" in {answer.get("code") for answer in answers}


async def test_a_replaced_order_is_shown_as_it_was_at_each_event(world: World) -> None:
    order, again = world.resting_order, key()
    before = await order_now(world, order)
    less = await world.must("member A", REPLACE, {"order": order, "quantity": 6_000, "price": 5_000, "key": key()})
    asked = {"order": order, "quantity": 8_000, "price": 5_100, "key": again}
    moved = await world.must("member A", REPLACE, asked)

    assert less == before_with(before, quantity=6_000)
    assert moved["sequence"] > before["sequence"]
    assert moved == before_with(before, quantity=8_000, price=5_100, sequence=moved["sequence"])
    assert await world.must("member A", REPLACE, asked) == moved
    reused = await world.must("member A", REPLACE, asked | {"price": 5_200})
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"
    viewer = await world.must("member A", EVENTS)
    told = [edge["node"]["payload"].get("order") for edge in viewer["accountEvents"]["edges"]]
    shown = [(each["quantity"], each["price"], each["sequence"]) for each in told if each]
    assert shown == [
        (10_000, 5_000, before["sequence"]),
        (6_000, 5_000, before["sequence"]),
        (8_000, 5_100, moved["sequence"]),
    ]


def before_with(order: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {name: value for name, value in (order | changed).items() if name != "reason"}


async def test_cancel_all_orders(world: World) -> None:
    more = sell(world)
    await world.must("member A", PLACE_ALL, {"inputs": [more]})

    other = await world.must("member B", CANCEL_ALL)
    unknown = await world.must("member A", CANCEL_ALL, {"symbol": "NONE"})
    cancelled = await world.must("member A", CANCEL_ALL, {"symbol": world.symbol})
    again = await world.must("member A", CANCEL_ALL)

    none = {"count": 0, "clientOrderIds": [], "left": 0}
    assert (other, again, unknown["code"]) == (none, none, "INVALID_INPUT")
    assert cancelled == {"count": 2, "clientOrderIds": [world.resting_order, more["clientOrderId"]], "left": 0}
    assert (await order_now(world, world.resting_order))["reason"] == "CANCELLED_BY_OWNER"


async def test_the_dead_man_timer_cancels_what_nobody_watches(world: World) -> None:
    refused = await world.must("member A", TIMER, {"seconds": 4})
    off = await world.must("member A", TIMER, {"seconds": 0})
    started = datetime.now(UTC)
    told = await world.must("member A", TIMER, {"seconds": 5})

    assert (refused["code"], off) == ("INVALID_INPUT", {"cancelsAt": None})
    cancels_at = datetime.fromisoformat(told["cancelsAt"])
    assert timedelta(seconds=4) < cancels_at - started < timedelta(seconds=8)

    async def is_cancelled() -> bool:
        return (await order_now(world, world.resting_order))["reason"] == "DEAD_MAN"

    await eventually(is_cancelled)
    assert datetime.now(UTC) >= cancels_at


PREVIEW = """query ($input: PlaceOrderInput!) { viewer { orderPreview(input: $input) {
    refusals { __typename ... on UserError { code } ... on InsufficientBalance { asset { code } available required } }
    asset { code } hold value highestFee status reason remainingQuantity filledQuantity filledValue fee
    fills { price quantity value fee } } } }"""


async def test_a_preview_tells_what_an_order_would_come_to_and_keeps_nothing(world: World) -> None:
    """A's 10 kg rest at 5,000."""
    bid = {"clientOrderId": key(), "symbol": world.symbol, "side": "BUY", "quantity": 4_000, "price": 5_000}

    poor = await world.must("member B", PREVIEW, {"input": bid})
    own = await world.must("member A", PREVIEW, {"input": bid})
    richer = await world.must("member A", PREVIEW, {"input": bid | {"price": 4_000}})
    unknown = await world.must("member A", PREVIEW, {"input": bid | {"symbol": "NONE"}})

    assert poor["orderPreview"]["refusals"] == [
        {
            "__typename": "InsufficientBalance",
            "code": "INSUFFICIENT_BALANCE",
            "asset": {"code": "EUR"},
            "available": 0,
            "required": 20,
        }
    ]
    assert own["orderPreview"] == {
        "refusals": [],
        "asset": {"code": "EUR"},
        "hold": 20,
        "value": 20,
        "highestFee": 0,
        "status": "CANCELLED",
        "reason": "SELF_TRADE",
        "remainingQuantity": 4_000,
        "filledQuantity": 0,
        "filledValue": 0,
        "fee": 0,
        "fills": [],
    }
    assert richer["orderPreview"]["status"] == "OPEN"
    assert [each["code"] for each in unknown["orderPreview"]["refusals"]] == ["INVALID_INPUT"]
    assert unknown["orderPreview"]["hold"] is None
    await world.must("operator", DEPOSIT, {"user": world.members["B"].id, "key": key()})
    told = (await world.must("member B", PREVIEW, {"input": bid | {"price": 6_000}}))["orderPreview"]
    assert told["fills"] == [{"price": 5_000, "quantity": 4_000, "value": 20, "fee": 0}]
    assert (told["status"], told["remainingQuantity"], told["filledValue"]) == ("FILLED", 0, 20)
    assert await world.must("member B", ORDER, {"order": bid["clientOrderId"]}) == {"order": None}
