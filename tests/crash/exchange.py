"""One market with people, an operator and a shop, over the public API; all that a crash test acts on."""

import asyncio
import base64
import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conftest import Caller, graphql, sign_in, sign_up
from tests.crash.line import Line
from tests.crash.server_process import ServerProcess

PEOPLE = 12
PROGRAMME = "CRASH"
MONEY = 1_000_000_000
GRAMS = 1_000_000_000
POINTS = 10_000_000

CREATE_PROGRAMME = """mutation ($input: CreateProgrammeInput!) { createProgramme(input: $input) {
    ... on Programme { allowanceAsset { code } pointsAsset { code } } ... on UserError { code message } } }"""
DEPOSIT = """mutation ($user: ID!, $amount: MinorUnits!, $key: ID!) {
    postDeposit(userId: $user, currency: "EUR", amount: $amount, idempotencyKey: $key) {
      __typename ... on UserError { code message } } }"""
ISSUE = """mutation ($user: ID!, $asset: String!, $amount: Amount!, $key: ID!) {
    issueAllowance(userId: $user, asset: $asset, amount: $amount, idempotencyKey: $key) {
      __typename ... on UserError { code message } } }"""
CREATE_PARTNER = """mutation { createPartner(name: "Corner shop") {
    ... on PartnerWithKey { apiKey partner { id } } ... on UserError { code message } } }"""
CREATE_OFFER = """mutation ($partner: ID!, $asset: String!) {
    createOffer(partnerId: $partner, title: "Coffee", description: "One cup", pointsAsset: $asset, points: 10) {
      ... on Offer { id } ... on UserError { code message } } }"""


@dataclass(frozen=True)
class Exchange:
    server: ServerProcess
    database_url: str
    http: httpx.AsyncClient
    people: list[Caller]
    operator: Caller
    shop_key: str
    symbol: str
    offer: str
    doors: list[ServerProcess]
    """Every process that people may talk to; `server` is the first."""
    _turns: "itertools.count[int]" = field(default_factory=itertools.count)

    def line(self) -> Line:
        """To each of the doors in turn."""
        return self.doors[next(self._turns) % len(self.doors)].line()

    def person_id(self, number: int) -> uuid.UUID:
        text = base64.urlsafe_b64decode(self.people[number].id + "==").decode()
        return uuid.UUID(text.partition(":")[2])


@asynccontextmanager
async def set_up(server: ServerProcess, database_url: str, *others: ServerProcess) -> AsyncIterator[Exchange]:
    """Everyone has money, grams and points; `database_url` is a login that reads every table."""
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as http:
        environment = server.environment
        operator = await sign_in(http, environment["GRAMME_OPERATOR_EMAIL"], environment["GRAMME_OPERATOR_PASSWORD"])
        people = [await sign_up(http, f"Person{number}") for number in range(PEOPLE)]

        async def operate(document: str, **variables: Any) -> dict[str, Any]:
            answer = await graphql(http, document, variables, operator.token)
            assert answer.get("data"), answer
            result: dict[str, Any] = next(iter(answer["data"].values()))
            assert "code" not in result, result
            return result

        programme = await operate(
            CREATE_PROGRAMME,
            input={
                "code": PROGRAMME,
                "name": "Crash test",
                "region": "GB",
                "currency": "EUR",
                "weeklyAllowance": 100_000,
                "pointsPerKg": 10,
            },
        )
        symbol, points = programme["allowanceAsset"]["code"], programme["pointsAsset"]["code"]
        for person in people:
            await asyncio.gather(
                operate(DEPOSIT, user=person.id, amount=MONEY, key=str(uuid.uuid4())),
                operate(ISSUE, user=person.id, asset=symbol, amount=GRAMS, key=str(uuid.uuid4())),
                operate(ISSUE, user=person.id, asset=points, amount=POINTS, key=str(uuid.uuid4())),
            )
        partner = await operate(CREATE_PARTNER)
        offer = await operate(CREATE_OFFER, partner=partner["partner"]["id"], asset=points)
        doors = [server, *others]
        yield Exchange(server, database_url, http, people, operator, partner["apiKey"], symbol, offer["id"], doors)
