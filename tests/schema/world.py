"""A small world with an instance of every type: two members, one of whom has everything, a shop, officials."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from api.resources import Resources
from domain.identity.model import Role, User
from domain.ids import new_id
from tests.conftest import PASSWORD, Caller, graphql, sign_in, sign_up


@dataclass(frozen=True)
class World:
    """`tokens` by role, None for nobody; `ids` are Node ids, those of a person's own things are A's."""

    client: httpx.AsyncClient
    resources: Resources
    tokens: dict[str, str | None]
    members: dict[str, Caller]
    symbol: str
    ids: dict[str, str]
    resting_order: str
    """The clientOrderId of A's open order."""
    redemption: str
    """A's reserved redemption, to be cancelled."""

    async def ask(self, role: str, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        return await graphql(self.client, document, variables, self.tokens[role])

    async def must(self, role: str, document: str, variables: dict[str, Any] | None = None) -> Any:
        """The value of the document's one field."""
        answer = await self.ask(role, document, variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value


def key() -> str:
    return str(uuid4())


async def official(client: httpx.AsyncClient, resources: Resources, role: Role) -> Caller:
    """A person with a role that nobody can sign up for."""
    now = datetime.now(UTC)
    email = f"{role.value.lower()}@example.com"
    user = User(new_id(now), 0, email, role.value, "GB", "en", "UTC", frozenset({Role.MEMBER, role}), now)
    await resources.stores.users.add(user, await resources.hasher.hash(PASSWORD))
    return await sign_in(client, email)


async def make_world(client: httpx.AsyncClient, resources: Resources) -> World:
    operator, regulator = [await official(client, resources, role) for role in (Role.OPERATOR, Role.REGULATOR)]
    ada, ben = await sign_up(client, "Ada"), await sign_up(client, "Ben")
    tokens = {
        "anonymous": None,
        "member A": ada.token,
        "member B": ben.token,
        "operator": operator.token,
        "regulator": regulator.token,
    }
    world = World(client, resources, tokens, {"A": ada, "B": ben}, "", {}, key(), "")
    return await _filled(world)


async def _filled(world: World) -> World:
    ids, must = world.ids, world.must
    week = (datetime.now(UTC) - timedelta(days=7)).date()
    asset = f"PCA-CITY-{datetime.now(UTC).isocalendar().year}"
    await must("operator", CREATE_PROGRAMME)
    shop = await must("operator", CREATE_PARTNER)
    world.tokens["partner"], ids["Partner"] = shop["apiKey"], shop["partner"]["id"]
    ids["Programme"] = (await must("operator", "{ programmes { id } }"))[0]["id"]
    instrument = (await must("operator", "{ instruments { id symbol } }"))[0]
    ids["Instrument"], symbol = instrument["id"], instrument["symbol"]
    for role in ("member A", "member B"):
        await must(role, 'mutation { joinProgramme(code: "CITY") { ... on Programme { id } } }')
    await must("operator", CLOSE_PERIOD, {"week": week.isoformat()})
    await must("operator", DEPOSIT, {"user": world.members["A"].id, "key": key()})
    await must("operator", ISSUE, {"user": world.members["A"].id, "asset": asset, "key": key()})
    await must("member A", CONVERT, {"asset": asset, "key": key()})
    offer = await must("operator", CREATE_OFFER, {"partner": ids["Partner"]})
    ids["Offer"] = offer["id"]
    reserved = [await must("member A", REDEEM, {"offer": offer["id"], "key": key()}) for _ in range(2)]
    ids["Redemption"] = reserved[0]["id"]
    order = await must("member A", PLACE_ORDER, {"key": world.resting_order, "symbol": symbol})
    ids["Order"], ids["User"] = order["id"], world.members["A"].id
    ids["Household"] = (await must("member A", CREATE_HOUSEHOLD))["id"]
    ids["Device"] = (await must("member A", REGISTER_DEVICE, {"key": key()}))["id"]
    ids["Activity"] = (await must("member A", RECORD, {"key": key()}))["results"][0]["id"]
    viewer = await must("member A", VIEWER_LISTS)
    ids["JournalEntry"] = viewer["wallet"]["statement"]["edges"][0]["node"]["id"]
    ids["PeriodStatement"] = viewer["statements"]["edges"][0]["node"]["id"]
    ids["Import"] = await _send_file(world)
    return World(
        world.client, world.resources, world.tokens, world.members, symbol, ids, world.resting_order, reserved[1]["id"]
    )


async def _send_file(world: World) -> str:
    response = await world.client.post(
        "/v1/imports?filename=meter.csv",
        content=NEM12,
        headers={"authorization": f"Bearer {world.tokens['member A']}"},
    )
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


NEM12 = "\r\n".join(
    [
        "100,NEM12,202601051135,MDA1,Ret1",
        "200,6123456789,E1,1,E1,N1,METER1,kWh,30,",
        "300,20260104," + ",".join(["0.5"] * 48) + ",A,,,20260105003000,",
        "900",
        "",
    ]
).encode()

CREATE_PROGRAMME = """mutation { createProgramme(input: { code: "CITY", name: "City", region: "GB", currency: "EUR",
    weeklyAllowance: 70000, pointsPerKg: 10 }) { ... on Programme { id } } }"""
CREATE_PARTNER = """mutation { createPartner(name: "Shop") {
    ... on PartnerWithKey { apiKey partner { id } } } }"""
CLOSE_PERIOD = """mutation ($week: Date!) { closePeriod(programmeCode: "CITY", weekOf: $week) {
    ... on ClosePeriodPayload { members } } }"""
DEPOSIT = """mutation ($user: ID!, $key: ID!) {
    postDeposit(userId: $user, currency: "EUR", amount: 1000000, idempotencyKey: $key) {
    ... on DepositPayload { balance { available } } } }"""
ISSUE = """mutation ($user: ID!, $asset: String!, $key: ID!) {
    issueAllowance(userId: $user, asset: $asset, amount: 5000000, idempotencyKey: $key) {
    ... on IssuePayload { balance { available } } } }"""
CONVERT = """mutation ($asset: String!, $key: ID!) {
    convertToPoints(asset: $asset, grams: 1000000, idempotencyKey: $key) {
    ... on ConvertPayload { points { available } } } }"""
CREATE_OFFER = """mutation ($partner: ID!) { createOffer(partnerId: $partner, title: "Tea", description: "One cup",
    pointsAsset: "PTS-CITY", points: 5, stock: 100) { ... on Offer { id } } }"""
REDEEM = """mutation ($offer: ID!, $key: ID!) { redeemOffer(offerId: $offer, idempotencyKey: $key) {
    ... on Redemption { id code } } }"""
PLACE_ORDER = """mutation ($key: ID!, $symbol: String!) { placeOrder(input: { clientOrderId: $key, symbol: $symbol,
    side: SELL, quantity: 10000, price: 5000 }) { ... on Order { id } } }"""
CREATE_HOUSEHOLD = 'mutation { createHousehold(name: "Home") { ... on Household { id } } }'
REGISTER_DEVICE = """mutation ($key: ID!) { registerDevice(input: { clientId: $key, platform: IOS }) {
    ... on Device { id } } }"""
RECORD = """mutation ($key: ID!) { recordActivities(activities: [{ clientId: $key, activity: "energy.electricity.grid",
    quantity: "1", unit: "kWh", startedAt: "2026-01-05T12:00:00Z" }]) {
    ... on RecordActivitiesPayload { results { ... on Activity { id } ... on UserError { code message } } } } }"""
VIEWER_LISTS = """{ viewer { wallet { statement(first: 1) { edges { node { id } } } }
    statements(first: 1) { edges { node { id } } } } }"""
