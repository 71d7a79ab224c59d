"""A refusal is told as the union member of its name where the field has one, else as a GraphQL error with its code."""

import asyncio
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import strawberry
from graphql import GraphQLInterfaceType
from strawberry.types import ExecutionResult

from api.graphql_errors import told
from api.resources import Resources
from domain import errors
from domain.credits import model as credits
from domain.errors import DomainError
from domain.identity import model as identity
from domain.ledger.model import AssetKind
from domain.orders import model as orders
from domain.rewards import model as rewards
from infra.redis.rate_limit import WINDOW_SECONDS, RateLimits
from schema.errors import USER_ERRORS, InvalidInput, NotFound, as_user_error, extensions_of
from schema.root import schema
from tests.conftest import PASSWORD, graphql, sign_up
from tests.schema.test_roles import context_of
from tests.schema.world import key, make_world

DOCS = Path(__file__).parents[2] / "docs" / "errors.md"
EVERY_REFUSAL: list[DomainError] = [
    errors.InvalidInput("m", "quantity"),
    errors.NotFound("m"),
    errors.IdempotencyKeyReused(),
    errors.InsufficientBalance("m", "EUR", 1, 2),
    errors.Overloaded(),
    errors.TooManyRequests("m", 7),
    identity.EmailTaken(),
    identity.WeakPassword("m"),
    identity.InvalidCredentials(),
    credits.CodeTaken("m"),
    credits.AlreadyMember(),
    credits.PeriodAlreadyClosed(),
    credits.PeriodNotOver(),
    orders.PriceOutsideBand("m", 1, 2),
    orders.MarketClosed("m", "2026-01-05T09:00:00+01:00"),
    orders.OrderLimitExceeded("m"),
    orders.OrderNotOpen("m"),
    orders.ProposalNotOpen("m"),
    orders.SecondOperatorNeeded("m"),
    rewards.OfferUnavailable("m"),
    rewards.RedemptionNotOpen("m", "CAPTURED"),
]
CODES_ALONE = {
    errors.Unauthenticated,
    errors.Forbidden,
    errors.InvalidCursor,
    errors.Resync,
    errors.Unavailable,
    errors.Internal,
}


def test_every_refusal_has_a_type_or_is_a_code_alone() -> None:
    assert set(USER_ERRORS) == {type(refusal) for refusal in EVERY_REFUSAL}
    assert set(DomainError.__subclasses__()) == set(USER_ERRORS) | CODES_ALONE


def test_every_type_of_error_tells_a_refusal() -> None:
    user_error = schema._schema.type_map["UserError"]
    assert isinstance(user_error, GraphQLInterfaceType)

    implemented = {type_.name for type_ in schema._schema.get_possible_types(user_error)}

    assert implemented == {refusal.__name__ for refusal in USER_ERRORS}


def test_the_page_of_errors_has_every_code() -> None:
    _, rules, _, requests, *_ = DOCS.read_text().split("\n## ")

    assert set(re.findall(r"^\| `([A-Z_]+)` ", rules, re.MULTILINE)) == {refusal.code for refusal in EVERY_REFUSAL}
    assert {refusal.code for refusal in CODES_ALONE} < set(re.findall(r"^\| `([A-Z_]+)` ", requests, re.MULTILINE))


@pytest.mark.parametrize("refusal", EVERY_REFUSAL, ids=lambda refusal: refusal.code)
def test_a_type_has_the_fields_of_its_refusal(refusal: DomainError) -> None:
    shown = as_user_error(refusal)

    assert type(shown).__name__ == type(refusal).__name__
    assert {name: getattr(shown, name) for name in refusal.as_data()} == refusal.as_data()
    assert {field.name for field in fields(shown) if field.init} == {"code", *refusal.as_data()}
    assert shown.code == refusal.code


@pytest.mark.parametrize(
    ("refusal", "extensions"),
    [
        (errors.InvalidInput("m", "first"), {"code": "BAD_USER_INPUT", "field": "first"}),
        (errors.InvalidInput("m"), {"code": "BAD_USER_INPUT"}),
        (errors.TooManyRequests("m", 7), {"code": "RATE_LIMITED", "retryAfterSeconds": 7}),
        (errors.Overloaded("m", 2), {"code": "UNAVAILABLE", "retryAfterSeconds": 2}),
        (errors.Unavailable(), {"code": "UNAVAILABLE"}),
        (errors.NotFound("m"), {"code": "BAD_USER_INPUT"}),
        (errors.Unauthenticated(), {"code": "UNAUTHENTICATED"}),
        (errors.InvalidCursor(), {"code": "INVALID_CURSOR"}),
        (errors.Resync(), {"code": "RESYNC"}),
    ],
)
def test_a_refusal_without_a_member_is_its_code(refusal: DomainError, extensions: dict[str, Any]) -> None:
    assert extensions_of(refusal) == extensions


@strawberry.type
class Thing:
    name: str


async def found(right: bool) -> Thing:
    raise errors.NotFound("gone") if right else errors.InvalidInput("wrong", "right")


@strawberry.type
class Query:
    found: Any = strawberry.field(resolver=found, graphql_type=Annotated[Thing | NotFound, strawberry.union("Either")])


async def test_the_union_of_a_field_decides() -> None:
    small = strawberry.Schema(Query, types=[InvalidInput], exception_handlers=USER_ERRORS.values())
    document = "query ($right: Boolean!) { found(right: $right) { __typename ... on NotFound { code message } } }"

    member = await small.execute(document, {"right": True})
    alone = await small.execute(document, {"right": False})

    assert member.errors is None
    assert member.data == {"found": {"__typename": "NotFound", "code": "NOT_FOUND", "message": "gone"}}
    assert alone.errors is not None
    (error,) = told(alone.errors, suggestions=False)
    assert (error.message, error.extensions) == ("wrong", {"code": "BAD_USER_INPUT", "field": "right"})


# ---------------------------------------------------------------- on the server

SIGN_IN = """mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) {
    __typename ... on TooManyRequests { retryAfterSeconds } } }"""
BUY = """mutation ($key: ID!, $symbol: String!) { placeOrder(input: { clientOrderId: $key, symbol: $symbol,
    side: BUY, quantity: 1000000, price: 5000 }) { ... on InsufficientBalance {
    code available required asset { code kind unit } } } }"""


async def test_failed_sign_ins_are_counted_and_right_ones_are_not(client: httpx.AsyncClient) -> None:
    member = await sign_up(client)

    async def attempt(password: str) -> dict[str, Any]:
        answer = await graphql(client, SIGN_IN, {"email": member.email, "password": password})
        signed: dict[str, Any] = answer["data"]["signIn"]
        return signed

    right = [(await attempt(PASSWORD))["__typename"] for _ in range(7)]
    wrong = await attempt("a wrong password")
    failures = 0
    while wrong["__typename"] == "InvalidCredentials":
        failures += 1
        wrong = await attempt("a wrong password")
    late = await attempt(PASSWORD)

    assert right == ["Session"] * 7
    assert 5 <= failures <= 10, "5 in a window; a window may have ended in between"
    assert wrong["__typename"] == late["__typename"] == "TooManyRequests"
    assert 0 < late["retryAfterSeconds"] <= 900


async def test_a_missing_balance_names_its_asset(client: httpx.AsyncClient, resources: Resources) -> None:
    world = await make_world(client, resources)

    refused = await world.must("member B", BUY, {"key": key(), "symbol": world.symbol})

    assert refused == {
        "code": "INSUFFICIENT_BALANCE",
        "available": 0,
        "required": 5000,
        "asset": {"code": "EUR", "kind": AssetKind.MONEY.value, "unit": "minor units"},
    }


async def test_other_mutations_are_limited_for_each_person(client: httpx.AsyncClient, resources: Resources) -> None:
    world = await make_world(client, resources)
    one_a_second = RateLimits(resources.redis, "test", dict.fromkeys(WINDOW_SECONDS, 1))

    async def join(role: str) -> ExecutionResult:
        context = replace(await context_of(world, role), limits=one_a_second)
        return await schema.execute('mutation { joinProgramme(code: "NONE") { __typename } }', context_value=context)

    mine = await asyncio.gather(*(join("member A") for _ in range(10)))
    theirs = await join("member B")

    refused = [error for result in mine for error in told(result.errors or [], suggestions=False)]
    assert {str(error.extensions) for error in refused} == {"{'code': 'RATE_LIMITED', 'retryAfterSeconds': 1}"}
    assert theirs.data == {"joinProgramme": {"__typename": "NotFound"}}
