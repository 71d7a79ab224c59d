"""Who may do what: every field of the roots, asked by every role.

A row says what each role gets: the type of the answer, `null`, or the code of the error. A field without a row fails.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from api.authentication import authenticate
from api.graphql_errors import told
from api.resources import Resources
from domain.ledger.model import Asset, AssetKind
from domain.rewards import model as rewards
from schema.context import RequestContext
from schema.rewards.types import Redemption
from schema.root import schema
from schema.scalars import SCALARS
from tests.schema.world import World, key, make_world

ROLES = ("anonymous", "member A", "member B", "partner", "operator", "regulator")
PERSONS = ("member A", "member B", "operator", "regulator")


def everyone(outcome: str) -> dict[str, str]:
    return dict.fromkeys(ROLES, outcome)


def signed_in(outcome: str) -> dict[str, str]:
    return everyone(outcome) | {"anonymous": "UNAUTHENTICATED"}


def persons(outcome: str) -> dict[str, str]:
    return signed_in("FORBIDDEN") | dict.fromkeys(PERSONS, outcome)


def only(role: str, outcome: str) -> dict[str, str]:
    return signed_in("FORBIDDEN") | {role: outcome}


def supervisors(outcome: str) -> dict[str, str]:
    return signed_in("FORBIDDEN") | {"operator": outcome, "regulator": outcome}


def owned(outcome: str, others: str) -> dict[str, str]:
    """A thing of member A, which other persons cannot tell from one that is not there."""
    return persons(others) | {"member A": outcome}


@dataclass(frozen=True)
class Row:
    """`document` is a selection of the root type; it may use $id and $key, `ids` names the thing whose id it is."""

    of: str
    selection: str
    expected: dict[str, str]
    id_of: str = ""
    variables: Callable[[World], dict[str, Any]] = field(default=lambda world: {})

    @property
    def label(self) -> str:
        return f"{self.of} {self.id_of}".strip()

    def document(self, variables: dict[str, Any]) -> str:
        types = {"id": "ID!", "key": "ID!", "symbol": "String!"}
        declared = ", ".join(f"${name}: {types[name]}" for name in variables)
        return f"{self.of.partition('.')[0].lower()} {f'({declared})' if declared else ''} {{ {self.selection} }}"


def identified(world_id: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": world.ids[world_id]}


def fresh_key(world: World) -> dict[str, Any]:
    return {"key": key()}


def a_symbol(world: World) -> dict[str, Any]:
    return {"symbol": world.symbol}


NODE = "node(id: $id) { __typename }"
PUBLIC_NODES = ("Offer", "Partner", "Programme", "Instrument")
PRIVATE_NODES = (
    "User",
    "Device",
    "Activity",
    "Household",
    "Import",
    "JournalEntry",
    "PeriodStatement",
    "Order",
    "Redemption",
)

QUERIES = [
    *(Row("Query.node", NODE, signed_in(name), name, identified(name)) for name in PUBLIC_NODES),
    *(
        Row("Query.node", NODE, signed_in("null") | {"member A": name}, name, identified(name))
        for name in PRIVATE_NODES
    ),
    Row("Query.viewer", "viewer { __typename }", persons("Viewer") | {"anonymous": "null"}),
    Row("Query.programmes", "programmes { __typename }", everyone("Programme")),
    Row("Query.instruments", "instruments { __typename }", everyone("Instrument")),
    Row("Query.instrument", "instrument(symbol: $symbol) { __typename }", everyone("Instrument"), variables=a_symbol),
    Row("Query.emissionFactors", "emissionFactors { __typename }", everyone("EmissionFactorConnection")),
    Row("Query.offers", "offers { __typename }", everyone("OfferConnection")),
    Row("Query.proposals", "proposals { __typename }", supervisors("ProposalConnection")),
    Row("Query.operatorActs", "operatorActs { __typename }", supervisors("ActConnection")),
    Row("Query.importFormats", "importFormats { __typename }", everyone("ImportFormat")),
    Row("Query.import", "import(id: $id) { __typename }", owned("Import", "null"), variables=identified("Import")),
]

MUTATIONS = [
    Row(
        "Mutation.signUp",
        'signUp(input: { email: "no address", password: "a long enough password", displayName: "A", region: "GB" })'
        " { __typename }",
        everyone("InvalidInput"),
    ),
    Row(
        "Mutation.signIn",
        'signIn(input: { email: "nobody@example.com", password: "a long enough password" }) { __typename }',
        everyone("InvalidCredentials") | {"regulator": "TooManyRequests"},
    ),
    Row(
        "Mutation.refreshSession", 'refreshSession(refreshToken: "none") { __typename }', everyone("InvalidCredentials")
    ),
    Row(
        "Mutation.registerDevice",
        "registerDevice(input: { clientId: $key, platform: WEB }) { __typename }",
        persons("Device"),
        variables=fresh_key,
    ),
    Row(
        "Mutation.pairDevice",
        'pairDevice(input: { kind: TASMOTA, name: "Plug" }) { __typename }',
        persons("NotFound"),
    ),
    Row("Mutation.unpairDevice", 'unpairDevice(id: "none")', persons("false")),
    Row(
        "Mutation.recordActivities",
        "recordActivities(activities: []) { __typename }",
        persons("RecordActivitiesPayload"),
    ),
    Row("Mutation.createHousehold", 'createHousehold(name: "") { __typename }', persons("InvalidInput")),
    Row("Mutation.joinHousehold", 'joinHousehold(code: "NONE") { __typename }', persons("NotFound")),
    Row("Mutation.leaveHousehold", "leaveHousehold { __typename }", owned("Household", "NotFound")),
    Row("Mutation.assignMeter", 'assignMeter(meter: "m", from: "1970-01-01") { __typename }', persons("InvalidInput")),
    Row(
        "Mutation.recordReadings",
        "recordReadings(profiles: []) { __typename }",
        persons("RecordReadingsPayload"),
    ),
    Row(
        "Mutation.resolveActivity",
        "resolveActivity(id: $id, resolution: CONFIRM) { __typename }",
        owned("Activity", "NotFound"),
        variables=identified("Activity"),
    ),
    Row("Mutation.setGoal", "setGoal(weekly: 0) { __typename }", persons("InvalidInput")),
    Row("Mutation.joinProgramme", 'joinProgramme(code: "NONE") { __typename }', persons("NotFound")),
    Row(
        "Mutation.convertToPoints",
        'convertToPoints(asset: "NONE", grams: 1, idempotencyKey: $key) { __typename }',
        persons("NotFound"),
        variables=fresh_key,
    ),
    Row(
        "Mutation.placeOrder",
        'placeOrder(input: { clientOrderId: $key, symbol: "NONE", side: BUY, quantity: 1000, price: 1000 })'
        " { __typename }",
        persons("InvalidInput"),
        variables=fresh_key,
    ),
    Row("Mutation.placeOrders", "placeOrders(inputs: []) { __typename }", persons("PlaceOrdersPayload")),
    Row(
        "Mutation.replaceOrder",
        "replaceOrder(clientOrderId: $id, quantity: 20000, price: 5000, idempotencyKey: $key) { __typename }",
        owned("Order", "NotFound"),
        variables=lambda world: {"id": world.resting_order, "key": key()},
    ),
    Row("Mutation.cancelAllAfter", "cancelAllAfter(seconds: 0) { __typename }", persons("CancelAllAfterPayload")),
    Row(
        "Mutation.cancelAllOrders",
        'cancelAllOrders(symbol: "NONE") { __typename }',
        persons("InvalidInput"),
    ),
    Row(
        "Mutation.cancelOrder",
        "cancelOrder(clientOrderId: $key) { __typename }",
        owned("Order", "NotFound"),
        variables=lambda world: {"key": world.resting_order},
    ),
    Row(
        "Mutation.redeemOffer",
        "redeemOffer(offerId: $id, idempotencyKey: $key) { __typename }",
        persons("NotFound"),
        variables=lambda world: {"id": world.ids["Order"], "key": key()},
    ),
    Row(
        "Mutation.cancelRedemption",
        "cancelRedemption(id: $id) { __typename }",
        owned("Redemption", "NotFound"),
        variables=lambda world: {"id": world.redemption},
    ),
    Row(
        "Mutation.captureRedemption",
        'captureRedemption(code: "NONE", tillReference: "till 1") { __typename }',
        only("partner", "NotFound"),
    ),
    Row(
        "Mutation.createProgramme",
        'createProgramme(input: { code: "", name: "", region: "", currency: "", weeklyAllowance: 0, pointsPerKg: 0 })'
        " { __typename }",
        only("operator", "InvalidInput"),
    ),
    Row(
        "Mutation.closePeriod",
        'closePeriod(programmeCode: "NONE", weekOf: "2026-01-01") { __typename }',
        only("operator", "NotFound"),
    ),
    Row(
        "Mutation.createOffer",
        'createOffer(partnerId: $id, title: "T", description: "D", pointsAsset: "P", points: 1) { __typename }',
        only("operator", "NotFound"),
        variables=identified("Order"),
    ),
    Row("Mutation.createPartner", 'createPartner(name: "") { __typename }', only("operator", "InvalidInput")),
    Row(
        "Mutation.postDeposit",
        'postDeposit(userId: $id, currency: "EUR", amount: 1, idempotencyKey: $key) { __typename }',
        only("operator", "NotFound"),
        variables=lambda world: {"id": world.ids["Order"], "key": key()},
    ),
    Row(
        "Mutation.issueAllowance",
        'issueAllowance(userId: $id, asset: "EUR", amount: 1, idempotencyKey: $key) { __typename }',
        only("operator", "NotFound"),
        variables=lambda world: {"id": world.ids["Order"], "key": key()},
    ),
    Row(
        "Mutation.setTradingTerms",
        "setTradingTerms(symbol: $symbol, terms: { band: 0 }, idempotencyKey: $key) { __typename }",
        only("operator", "InvalidInput"),
        variables=lambda world: {"symbol": world.symbol, "key": key()},
    ),
    Row(
        "Mutation.haltMarket",
        'haltMarket(symbol: "NONE", reason: "Why", idempotencyKey: $key) { __typename }',
        only("operator", "NotFound"),
        variables=fresh_key,
    ),
    Row(
        "Mutation.resumeMarket",
        "resumeMarket(symbol: $symbol, idempotencyKey: $key) { __typename }",
        only("operator", "InvalidInput"),
        variables=lambda world: {"symbol": world.symbol, "key": key()},
    ),
    Row(
        "Mutation.cancelOrderOf",
        'cancelOrderOf(orderId: $id, reason: "Why", idempotencyKey: $key) { __typename }',
        only("operator", "OrderNotOpen"),
        variables=lambda world: {"id": world.ids["Offer"], "key": key()},
    ),
    Row(
        "Mutation.proposeReserve",
        "proposeReserve(symbol: $symbol, part: TIER_1, price: 1, quantity: 1, idempotencyKey: $key) { __typename }",
        only("operator", "InvalidInput"),
        variables=lambda world: {"symbol": world.symbol, "key": key()},
    ),
    Row(
        "Mutation.decideProposal",
        "decideProposal(proposalId: $id, approve: true, idempotencyKey: $key) { __typename }",
        only("operator", "ProposalNotOpen"),
        variables=lambda world: {"id": world.ids["Offer"], "key": key()},
    ),
    Row("Mutation.signOut", "signOut", persons("true")),
]

SUBSCRIPTIONS = [
    Row("Subscription.ticker", "ticker(symbols: [$symbol]) { __typename }", everyone("Ticker"), variables=a_symbol),
    Row("Subscription.trades", "trades(symbol: $symbol) { __typename }", everyone("waits"), variables=a_symbol),
    Row(
        "Subscription.orderBook",
        "orderBook(symbol: $symbol) { __typename }",
        everyone("OrderBookUpdate"),
        variables=a_symbol,
    ),
    Row("Subscription.accountEvents", "accountEvents { __typename }", persons("waits")),
    Row(
        "Subscription.importProgress",
        "importProgress(id: $id) { __typename }",
        owned("Import", "BAD_USER_INPUT"),
        variables=identified("Import"),
    ),
]


@pytest.fixture
async def world(client: httpx.AsyncClient, resources: Resources) -> World:
    return await make_world(client, resources)


@pytest.mark.parametrize(
    ("root", "rows"), [("Query", QUERIES), ("Mutation", MUTATIONS), ("Subscription", SUBSCRIPTIONS)]
)
def test_every_field_has_a_row(root: str, rows: list[Row]) -> None:
    fields = schema._schema.type_map[root].fields  # type: ignore[attr-defined]

    assert {row.of for row in rows} == {f"{root}.{name}" for name in fields}


def test_every_node_type_has_a_row() -> None:
    nodes = schema._schema.get_possible_types(schema._schema.type_map["Node"])  # type: ignore[arg-type]

    assert {*PUBLIC_NODES, *PRIVATE_NODES} == {node.name for node in nodes}


async def test_roles_over_http(world: World) -> None:
    rows = [*QUERIES, *MUTATIONS]

    observed = {row.label: {role: await outcome(world, row, role) for role in ROLES} for row in rows}

    assert observed == {row.label: row.expected for row in rows}


async def test_roles_of_subscriptions(world: World) -> None:
    observed = {row.label: {role: await first_outcome(world, row, role) for role in ROLES} for row in SUBSCRIPTIONS}

    assert observed == {row.label: row.expected for row in SUBSCRIPTIONS}


async def test_only_its_owner_sees_a_code_and_only_while_it_is_reserved(world: World) -> None:
    shown = "query ($id: ID!) { node(id: $id) { ... on Redemption { code qrPayload status } } }"
    captured = """mutation ($code: String!) { captureRedemption(code: $code, tillReference: "till 1") {
        ... on Redemption { code qrPayload status } } }"""
    redemption = {"id": world.ids["Redemption"]}

    before = await world.must("member A", shown, redemption)
    at_the_till = await world.must("partner", captured, {"code": before["code"]})
    after = await world.must("member A", shown, redemption)

    assert before == {
        "code": before["code"],
        "qrPayload": f"gramme:redeem:{before['code']}",
        "status": "RESERVED",
    }
    assert len(before["code"]) >= 16
    assert at_the_till == after == {"code": None, "qrPayload": None, "status": "CAPTURED"}


@strawberry.type
class Counter:
    """Shows everybody the same redemption, which no root of ours does."""

    redemption: rewards.Redemption = strawberry.field(graphql_type=Redemption)


@pytest.mark.parametrize(("owner", "code"), [(1002, "SECRET"), (1001, None), (1003, None)])
def test_whoever_comes_across_another_persons_redemption_sees_no_code(owner: int, code: str | None) -> None:
    now, points = datetime.now(UTC), Asset(1, "PTS-CITY", AssetKind.POINTS, "points")
    offer = rewards.Offer(1, rewards.Partner(uuid4(), 1001, "Shop"), "Tea", "One cup", points, 5, None, None)
    reserved = rewards.Redemption(2, 1002, offer, 5, "SECRET", rewards.RedemptionStatus.RESERVED, now, now)
    counter = strawberry.Schema(Counter, config=StrawberryConfig(scalar_map=SCALARS))

    result = counter.execute_sync(
        "{ redemption { code } }", root_value=Counter(redemption=reserved), context_value=SimpleNamespace(owner=owner)
    )

    assert result.errors is None
    assert result.data == {"redemption": {"code": code}}


async def test_another_persons_order_is_not_there(world: World) -> None:
    document = "query ($key: ID!) { viewer { order(clientOrderId: $key) { id } } }"
    order = {"key": world.resting_order}

    assert await world.must("member A", document, order) == {"order": {"id": world.ids["Order"]}}
    assert await world.must("member B", document, order) == {"order": None}


async def outcome(world: World, row: Row, role: str) -> str:
    variables = row.variables(world)
    answer = await world.ask(role, row.document(variables), variables)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    (value,) = answer["data"].values()
    return named(value)


async def first_outcome(world: World, row: Row, role: str) -> str:
    """What a subscription tells first; `waits` where it is open and has nothing to tell yet."""
    variables = row.variables(world)
    stream = await schema.subscribe(row.document(variables), variables, await context_of(world, role))
    try:
        async with asyncio.timeout(0.3):
            result = await anext(aiter(stream))
    except TimeoutError:
        return "waits"
    finally:
        await stream.aclose()
    if result.errors:
        return str(told(result.errors, suggestions=False)[0].formatted["extensions"]["code"])
    assert result.data is not None
    (value,) = result.data.values()
    return named(value)


async def context_of(world: World, role: str) -> RequestContext:
    resources, token = world.resources, world.tokens[role]
    now = datetime.now(UTC)
    viewer = await authenticate(resources.stores, token and f"Bearer {token}", now)
    return RequestContext(
        now=now,
        viewer=viewer,
        address="127.0.0.1",
        stores=resources.stores,
        commands=resources.commands,
        streams=resources.streams,
        hasher=resources.hasher,
        limits=resources.limits,
        redemption_minutes=15,
    )


def named(value: Any) -> str:
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, dict):
        return str(value["__typename"])
    return {None: "null", True: "true", False: "false"}[value]
