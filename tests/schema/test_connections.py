"""Pages and cursors: each item once, in order, and no cursor that another list gave out."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from api.resources import Resources
from domain.errors import InvalidCursor, InvalidInput
from schema.connections import FIRST_MAX, ListOf, Page, checked_filter, numbered, page
from schema.node import from_base64, to_base64
from schema.root import schema
from tests.schema.test_roles import context_of
from tests.schema.world import CREATE_OFFER, PLACE_ORDER, World, key, make_world

NUMBERS: ListOf[int, int] = numbered("numbers", lambda number: number)


async def numbers(after: int | None, limit: int) -> Sequence[int]:
    """7 to 1, newest first."""
    return [number for number in range(7, 0, -1) if after is None or number < after][:limit]


def nodes(found: Page[int]) -> list[int]:
    return [edge.node for edge in found.edges]


async def test_pages_follow_each_other_without_gap_or_double() -> None:
    first = await page(NUMBERS, 3, None, numbers)
    second = await page(NUMBERS, 3, first.page_info.end_cursor, numbers)
    third = await page(NUMBERS, 3, second.page_info.end_cursor, numbers)

    assert [nodes(first), nodes(second), nodes(third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert [found.page_info.has_next_page for found in (first, second, third)] == [True, True, False]
    assert [found.page_info.has_previous_page for found in (first, second, third)] == [False, True, True]
    assert first.page_info.start_cursor == first.edges[0].cursor == NUMBERS.cursor(7)


async def test_a_page_that_ends_with_the_list_has_no_next() -> None:
    assert not (await page(NUMBERS, 7, None, numbers)).page_info.has_next_page


async def test_an_empty_page_says_whether_there_is_anything() -> None:
    found = await page(NUMBERS, 0, None, numbers)

    assert nodes(found) == []
    assert found.page_info.has_next_page
    assert found.page_info.start_cursor is found.page_info.end_cursor is None


@pytest.mark.parametrize("first", [-1, FIRST_MAX + 1, 2**31 - 1])
async def test_a_page_has_bounds(first: int) -> None:
    with pytest.raises(InvalidInput):
        await page(NUMBERS, first, None, numbers)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "5",
        "numbers:5",
        to_base64("others:5"),
        to_base64("numbers"),
        to_base64("numbers:"),
        to_base64("numbers:-5"),
        to_base64("numbers:05"),
        to_base64("numbers:5 "),
        to_base64("numbers:\u0665"),
        to_base64(f"numbers:{2**63}"),
        to_base64("numbers:" + "9" * 10_000),
        to_base64("numbers:5") + "=",
        to_base64("numbers:5") + "\n",
        urlsafe_b64encode(b"numbers:\xff").decode(),
        urlsafe_b64encode(b"numbers:5\0").decode(),
        "é",
        "\ud800",
    ],
)
def test_a_cursor_of_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        NUMBERS.after(cursor)


@pytest.mark.parametrize("text", ["Order:42", "Programme:Ä", "x" * 199, ""])
def test_ids_and_cursors_are_told_in_one_way(text: str) -> None:
    assert from_base64(to_base64(text)) == text
    assert "=" not in to_base64(text)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 201])
def test_a_filter_that_nothing_stored_could_equal_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        checked_filter(text, "symbol")


# ---------------------------------------------------------------- on the server

ORDERS = """query ($first: Int, $after: String) { viewer { orders(first: $first, after: $after) {
    edges { cursor node { id } } pageInfo { hasNextPage endCursor } } } }"""
EVENTS = """query ($after: Cursor) { viewer { accountEvents(after: $after) {
    edges { cursor node { cursor sequence payload { __typename } } } pageInfo { hasNextPage } } } }"""
LIVE_EVENTS = (
    "subscription ($after: Cursor) { accountEvents(after: $after) { cursor sequence payload { __typename } } }"
)
TRADES = """query ($symbol: String!) { instrument(symbol: $symbol) { trades(first: 1) {
    edges { cursor node { cursor sequence } } pageInfo { hasNextPage } } } }"""
LIVE_TRADES = """subscription ($symbol: String!, $after: Cursor) {
    trades(symbol: $symbol, after: $after) { cursor sequence } }"""
BUY = """mutation ($key: ID!, $symbol: String!) { placeOrder(input: { clientOrderId: $key, symbol: $symbol,
    side: BUY, quantity: 1000, price: 5000 }) { ... on Order { filledQuantity } } }"""
DEPOSIT = """mutation ($user: ID!, $key: ID!) {
    postDeposit(userId: $user, currency: "EUR", amount: 1000000, idempotencyKey: $key) { __typename } }"""


@pytest.fixture
async def world(client: httpx.AsyncClient, resources: Resources) -> World:
    return await make_world(client, resources)


async def test_orders_page_by_page(world: World) -> None:
    for _ in range(4):
        await world.must("member A", PLACE_ORDER, {"key": key(), "symbol": world.symbol})
    everything = (await world.must("member A", ORDERS, {"first": 100}))["orders"]

    read: list[dict[str, Any]] = []
    sizes: list[int] = []
    after, more = None, True
    while more:
        found = (await world.must("member A", ORDERS, {"first": 2, "after": after}))["orders"]
        after, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
        read += found["edges"]
        sizes.append(len(found["edges"]))

    assert read == everything["edges"]
    assert sizes == [2, 2, 1]


async def test_a_list_refuses_the_cursor_of_another(world: World) -> None:
    orders = (await world.must("member A", ORDERS))["orders"]
    mine = {"after": orders["pageInfo"]["endCursor"]}
    events = (await world.must("member A", EVENTS))["accountEvents"]

    assert "errors" not in await world.ask("member A", ORDERS, mine)
    assert code(await world.ask("member B", ORDERS, mine)) == "INVALID_CURSOR"
    assert code(await world.ask("member A", EVENTS, mine)) == "INVALID_CURSOR"
    assert code(await world.ask("member B", EVENTS, {"after": events["edges"][0]["cursor"]})) == "INVALID_CURSOR"
    assert code(await world.ask("member A", ORDERS, {"first": 101})) == "BAD_USER_INPUT"


async def test_account_events_have_one_cursor_everywhere(world: World) -> None:
    listed = (await world.must("member A", EVENTS))["accountEvents"]["edges"]
    start = listed[1]["cursor"]

    live = await take(world, "member A", LIVE_EVENTS, {"after": start}, len(listed) - 2)
    rest = (await world.must("member A", EVENTS, {"after": start}))["accountEvents"]["edges"]

    assert [edge["cursor"] for edge in listed] == [edge["node"]["cursor"] for edge in listed]
    assert [edge["node"]["sequence"] for edge in listed] == list(range(1, len(listed) + 1))
    assert [edge["node"] for edge in rest] == [event["accountEvents"] for event in live]
    assert len(live) > 3


async def test_public_trades_have_one_cursor_everywhere(world: World) -> None:
    await world.must("operator", DEPOSIT, {"user": world.members["B"].id, "key": key()})
    for _ in range(3):
        bought = await world.must("member B", BUY, {"key": key(), "symbol": world.symbol})
        assert bought["filledQuantity"] == 1000
    symbol = {"symbol": world.symbol}
    newest = (await world.must("anonymous", TRADES, symbol))["trades"]

    first = await take(world, "anonymous", LIVE_TRADES, symbol | {"after": to_base64(f"trades.{world.symbol}:0")}, 1)
    start = first[0]["trades"]["cursor"]
    rest = await take(world, "anonymous", LIVE_TRADES, symbol | {"after": start}, 2)

    assert [trade["trades"]["sequence"] for trade in first + rest] == [1, 2, 3]
    assert rest[-1]["trades"] == newest["edges"][0]["node"]
    assert newest["edges"][0]["cursor"] == newest["edges"][0]["node"]["cursor"]
    assert newest["pageInfo"]["hasNextPage"]


async def test_offers_are_newest_first(world: World) -> None:
    offer = await world.must("operator", CREATE_OFFER, {"partner": world.ids["Partner"]})

    found = await world.must("anonymous", "{ offers(first: 1) { edges { node { id } } pageInfo { hasNextPage } } }")

    assert found == {"edges": [{"node": {"id": offer["id"]}}], "pageInfo": {"hasNextPage": True}}


def code(answer: dict[str, Any]) -> str:
    (error,) = answer["errors"]
    return str(error["extensions"]["code"])


async def take(world: World, role: str, document: str, variables: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The first `count` messages of a subscription."""
    taken: list[dict[str, Any]] = []
    stream = await schema.subscribe(document, variables, await context_of(world, role))
    async with asyncio.timeout(5), aclosing(stream) as results:
        async for result in results:
            assert result.errors is None, result.errors
            assert result.data is not None
            taken.append(result.data)
            if len(taken) == count:
                break
    return taken
