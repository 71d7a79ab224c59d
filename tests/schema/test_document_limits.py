"""What a document may ask for: each limit at its edge, and the attacks of which each cost seconds once."""

import time

import pytest

from schema.document_limits import ALIASES_MAX, COST_MAX, DEPTH_MAX, DIRECTIVES_MAX, FRAGMENTS_MAX, OPERATIONS_MAX
from schema.documents import KEPT_CHARACTERS, DocumentRefused, Documents
from schema.root import build_schema

SCHEMA = build_schema()._schema
ME = "viewer{user{id}}"


def documents(introspection: bool = False) -> Documents:
    return Documents(SCHEMA, introspection)


def refusal_of(text: str, introspection: bool = False) -> tuple[str, str] | None:
    """Code and message of the first error; None where the document is accepted."""
    try:
        documents(introspection).document(text)
    except DocumentRefused as refused:
        error = refused.errors[0]
        return str((error.extensions or {})["code"]), error.message
    return None


def spreads(levels: int, body: str, on: str = "Viewer") -> str:
    """A query whose fragments spread the next one twice, `levels` deep."""
    chain = "".join(f"fragment f{i} on {on}{{...f{i + 1} ...f{i + 1}}}" for i in range(levels))
    return f"{{viewer{{...f0}}}}{chain}fragment f{levels} on {on}{{{body}}}"


def renamed_spreads(levels: int) -> str:
    chain = "".join(f"fragment f{i} on Viewer{{x{i}:user{{id}} ...f{i + 1} ...f{i + 1}}}" for i in range(levels))
    return f"{{viewer{{...f0}}}}{chain}fragment f{levels} on Viewer{{user{{id}}}}"


ATTACKS = {
    "fragments spread twice, 20 deep": spreads(20, "user{id}"),
    "fragments spread twice, 26 deep": spreads(26, "user{id}"),
    "fragments spread twice, 48 deep": spreads(48, "user{id}"),
    "fragments spread twice, 200 deep": spreads(200, "user{id}"),
    "fragments spread twice, with aliases": renamed_spreads(45),
    "fragments of no use, spread twice": f"{{{ME}}}" + spreads(45, "user{id}").partition("}}")[2],
    "an inline fragment spreads each fragment twice": spreads(45, "...{user{id}}"),
    "a fragment spreads itself": "{viewer{...a}}fragment a on Viewer{...a}",
    "two fragments spread each other": "{viewer{...a}}fragment a on Viewer{...b} fragment b on Viewer{...a}",
    "three fragments in a ring": (
        "{viewer{...a}}fragment a on Viewer{...b} fragment b on Viewer{user{id} ...c} fragment c on Viewer{...a}"
    ),
    "a ring that nothing uses": f"{{{ME}}}fragment a on Viewer{{...b}} fragment b on Viewer{{...a}}",
    "a fragment spreads itself inside its own field": "{viewer{...a}}fragment a on Viewer{wallet{balances{...a}}}",
    "one fragment defined twice": "{viewer{...a}}fragment a on Viewer{user{id}} fragment a on Viewer{user{id}}",
    "51 fragments": "{viewer{...f0}}" + "".join(f"fragment f{i} on Viewer{{user{{id}}}}" for i in range(51)),
    "fields 400 deep": "{" + "viewer{" * 400 + "id" + "}" * 401,
    "fields 5,000 deep": "{" + "viewer{" * 5_000 + "id" + "}" * 5_001,
    "fields 13 deep": "{" + "viewer{" * 12 + "id" + "}" * 13,
    "fields 13 deep through a fragment": "{a:node(id:1){...f}}fragment f on User{" + "u{" * 12 + "id" + "}" * 13,
    "inline fragments 300 deep": "{viewer{" + "...{" * 300 + "user{id}" + "}" * 302,
    "inline fragments 101 deep": "{viewer{" + "...{" * 101 + "user{id}" + "}" * 103,
    "a field 1,900 times": "{viewer{user{" + "id " * 1_900 + "}}}",
    "an object 480 times": "{viewer{" + "user{id}" * 480 + "}}",
    "the root field 140 times": "{" + "viewer{user{id} wallet{balances{available}}}" * 140 + "}",
    "50 fragments with the same fields": "{viewer{"
    + "".join(f"...f{i} " for i in range(50))
    + "}}"
    + "".join(f"fragment f{i} on Viewer{{user{{id email displayName region}}}}" for i in range(50)),
    "1,900 unknown fields": "{" + " ".join(f"field{i}" for i in range(1_900)) + "}",
    "2,000 directives on one field": "{viewer{user{id " + "@include(if:true) " * 1_900 + "}}}",
    "51 directives": "{viewer{user{" + "id @include(if:true) " * 51 + "}}}",
    "unknown directives": "{viewer{user{id " + "@x " * 900 + "}}}",
    "390 variables": "query(" + ",".join(f"$v{i}:Int" for i in range(390)) + "){viewer{user{id}}}",
    "450 arguments": "{instrument(" + ",".join(f'symbol:"{i}"' for i in range(450)) + "){id}}",
    "a list 900 deep": "{node(id:" + "[" * 900 + "]" * 900 + "){id}}",
    "a list 17 deep": "{node(id:" + "[" * 17 + "]" * 17 + "){id}}",
    "an object 400 deep": "mutation{signIn(input:" + "{a:" * 400 + "1" + "}" * 400 + "){__typename}}",
    "a default value 17 deep": "query($a:ID=" + "[" * 17 + "]" * 17 + "){node(id:$a){id}}",
    "15,000 comments": "#\n" * 15_000 + "{viewer{user{id}}}",
    "250,000 characters": "{" + "a" * 250_000 + "}",
    "2,001 tokens": "{" + "viewer " * 2_000 + "}",
    "11 names of one field": "{" + " ".join(f"a{i}:viewer{{user{{id}}}}" for i in range(11)) + "}",
    "11 names of one field in fragments": "{...a ...b}"
    + "fragment a on Query{"
    + " ".join(f"a{i}:viewer{{user{{id}}}}" for i in range(6))
    + "} fragment b on Query{"
    + " ".join(f"b{i}:viewer{{user{{id}}}}" for i in range(5))
    + "}",
    "11 operations": " ".join(f"query q{i}{{{ME}}}" for i in range(11)),
    "100 sign-ins": "mutation{"
    + " ".join(f'a{i}:signIn(input:{{email:"e@x",password:"{i}"}}){{__typename}}' for i in range(100))
    + "}",
    "two sign-ins": 'mutation{a:signIn(input:{email:"e@x",password:"1"}){__typename} '
    'b:signIn(input:{email:"e@x",password:"2"}){__typename}}',
    "two sign-ins, one in a fragment": 'mutation{a:signIn(input:{email:"e@x",password:"1"}){__typename} ...f}'
    'fragment f on Mutation{...{signIn(input:{email:"e@x",password:"2"}){__typename}}}',
    "a sign-in and an order": 'mutation{signIn(input:{email:"e@x",password:"1"}){__typename} '
    'cancelOrder(clientOrderId:"1"){__typename}}',
    "two captures": 'mutation{a:captureRedemption(code:"1",tillReference:"1"){__typename} '
    'b:captureRedemption(code:"2",tillReference:"2"){__typename}}',
    "two refreshes": 'mutation{a:refreshSession(refreshToken:"1"){__typename} b:refreshSession(refreshToken:"2")'
    "{__typename}}",
    "pages in pages": "{viewer{orders(first:100){edges{node{fills{price} x:fills{price quantity fee sequence at}"
    " y:fills{price quantity fee sequence at}"
    " w:fills{price quantity fee sequence at} z:fills{price quantity fee sequence at liquidity}}}}}}",
    "a page of unknown size in a list": "query($n:Int){instruments{trades(first:$n){edges{node{"
    + " ".join(f"a{i}:price b{i}:quantity c{i}:sequence" for i in range(8))
    + "}}}}}",
    "the schema": "{__schema{types{name}}}",
    "one type": '{__type(name:"User"){fields{name}}}',
    "the schema in a fragment": "{...f}fragment f on Query{__schema{queryType{name}}}",
    "the federated schema": "{_service{sdl}}",
}


@pytest.mark.attack
@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_refused_in_a_twentieth_of_a_second(text: str) -> None:
    judge = documents()
    seconds = []
    for _ in range(3):
        started = time.process_time()
        with pytest.raises(DocumentRefused) as refused:
            judge.document(text)
        seconds.append(time.process_time() - started)
    assert {(error.extensions or {}).get("code") for error in refused.value.errors} == {"DOCUMENT_REFUSED"}
    assert min(seconds) < 0.05
    assert sum(len(error.message) for error in refused.value.errors) < 1_024


PHONE = """query Home($first: Int = 50, $after: String) {
  viewer { user { id displayName } wallet { balances { ...Held } }
    orders(first: $first, after: $after) {
      edges { cursor node { id clientOrderId symbol side type timeInForce price quantity filledQuantity averagePrice
        status reason sequence placedAt expiresAt fills { price quantity fee liquidity at sequence } } }
      pageInfo { hasNextPage endCursor } }
    accountEvents(first: 100) { edges { cursor node { sequence occurredAt payload { __typename
      ... on OrderUpdated { order { id status filledQuantity remainingQuantity reason } }
      ... on TradeExecuted { order { id status filledQuantity } fill { price quantity fee liquidity at sequence } }
      ... on BalanceChanged { balance { ...Held } reason }
      ... on RedemptionUpdated { redemption { id status code points offer { id title partner { name } } } } } } } } }
  instruments { symbol ticker { lastPrice bestBid bestAsk } orderBook(depth: 5) { bids { ...Level }
    asks { ...Level } } }
}
fragment Held on Balance { available held asset { code kind unit } }
fragment Level on PriceLevel { price quantity orders }"""

HONEST = {
    "a phone's home screen": PHONE,
    "12 levels": "{viewer{" + "...{" * 8 + "orders{edges{node{fills{price}}}}" + "}" * 10,
    "10 names": "{" + " ".join(f"a{i}:viewer{{user{{id}}}}" for i in range(10)) + "}",
    "10 operations": " ".join(f"query q{i}{{{ME}}}" for i in range(10)),
    "a chain of 50 fragments": "{viewer{...f0}}"
    + "".join(f"fragment f{i} on Viewer{{...f{i + 1}}}" for i in range(49))
    + "fragment f49 on Viewer{user{id}}",
    "one sign-in in a fragment that is spread twice": "mutation{...f ...f}fragment f on Mutation{"
    'signIn(input:{email:"e@x",password:"1"}){__typename}}',
    "several mutations that guard nothing": 'mutation{registerDevice(input:{clientId:"1",platform:IOS}){__typename} '
    'joinProgramme(code:"x"){__typename} signOut}',
    "a long comment": "#" + "a" * 30_000 + f"\n{{{ME}}}",
    "a subscription": 'subscription{ticker(symbols:["PCA-DEMO-2026"]){symbol lastPrice sequence at}}',
}


@pytest.mark.parametrize("text", HONEST.values(), ids=HONEST.keys())
def test_an_honest_document_is_answered(text: str) -> None:
    assert refusal_of(text) is None


def page(first: str, fields: int, declared: str = "") -> str:
    names = ["cursor", "symbol", "sequence", "price", "quantity", "aggressor", "at"]
    selected = " ".join(f"n{i}:{names[i % 7]}" for i in range(fields))
    return f"query Q{declared}{{instruments{{trades(first:{first}){{edges{{node{{{selected}}}}}}}}}}}"


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        # one list of ten instruments; for each its page, and for each of that an edge, a node and its fields
        (page("100", 17), 1 + 10 * (1 + 100 * (2 + 17))),
        (page("$n", 17, "($n:Int)"), 1 + 10 * (1 + 100 * (2 + 17))),
        (page("$n", 17, "($n:Int=1)"), 1 + 10 * (1 + 100 * (2 + 17))),
        (page("1000000", 17), 1 + 10 * (1 + 100 * (2 + 17))),
        (page("2147483647", 17), 1 + 10 * (1 + 100 * (2 + 17))),
    ],
)
def test_lists_are_multiplied_and_a_page_by_variable_is_the_largest(text: str, cost: int) -> None:
    assert cost < COST_MAX
    assert refusal_of(text) is None
    one_more = text.replace("n0:cursor", "n0:cursor more:cursor")
    assert cost + 1_000 > COST_MAX
    assert refusal_of(one_more) == (
        "DOCUMENT_REFUSED",
        "This document asks for more than 20000 fields. Ask for smaller pages.",
    )


def test_a_smaller_page_makes_room_for_more_fields() -> None:
    assert refusal_of(page("100", 18)) is not None
    assert refusal_of(page("90", 18)) is None
    assert refusal_of(page("0", 60)) is None


def test_the_limits_are_those_that_are_published() -> None:
    limits = (DEPTH_MAX, ALIASES_MAX, COST_MAX, DIRECTIVES_MAX, FRAGMENTS_MAX, OPERATIONS_MAX)
    assert limits == (12, 10, 20_000, 50, 50, 10)


@pytest.mark.parametrize(
    "text",
    [
        '{node(id:"a\\u0000b"){id}}',
        '{node(id:"a\\u{0}b"){id}}',
        'mutation{signIn(input:{email:"\\u0000",password:"1"}){__typename}}',
        'query($id:ID="\\u0000"){node(id:$id){id}}',
        '{viewer{user{id @include(if:"\\u0000")}}}',
    ],
)
@pytest.mark.attack
def test_text_in_a_document_has_no_nul(text: str) -> None:
    assert refusal_of(text) == ("BAD_USER_INPUT", "Text has no NUL characters.")


@pytest.mark.parametrize("text", ['{node(id:"\\uD800"){id}}', '{node(id:"\\u{D800}"){id}}', '{node(id:"\ud800"){id}}'])
@pytest.mark.attack
def test_half_a_surrogate_pair_is_no_text(text: str) -> None:
    told = refusal_of(text)
    assert told is not None
    assert told[0] == "DOCUMENT_REFUSED"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("1.5", "BAD_USER_INPUT"),
        ('"5"', "BAD_USER_INPUT"),
        ("true", "BAD_USER_INPUT"),
        ("9007199254740992", "BAD_USER_INPUT"),
        ("1e400", "BAD_USER_INPUT"),
        ("[1]", "BAD_USER_INPUT"),
        ("{a:1}", "BAD_USER_INPUT"),
        ("null", "BAD_USER_INPUT"),
        ("GRAMS", "BAD_USER_INPUT"),
    ],
)
@pytest.mark.attack
def test_a_value_in_the_document_is_refused_as_one_in_a_variable_is(value: str, code: str) -> None:
    text = f'mutation{{convertToPoints(asset:"A",grams:{value},idempotencyKey:"1"){{__typename}}}}'
    told = refusal_of(text)
    assert told is not None
    assert told[0] == code


@pytest.mark.parametrize(
    "text", ["{vieweer{id}}", "{viewer{usr{id}}}", "query($a:Usr){viewer{user{id}}}", "{node(di:1){id}}"]
)
@pytest.mark.attack
def test_nothing_is_suggested_outside_development(text: str) -> None:
    told, in_development = refusal_of(text), refusal_of(text, introspection=True)
    assert told is not None
    assert in_development is not None
    assert "Did you mean" not in told[1]


def test_development_may_ask_for_the_schema() -> None:
    assert refusal_of("{__schema{types{name fields{name type{name ofType{name ofType{name}}}}}}}", True) is None
    told = refusal_of("{vieweer{user{id}}}", True)
    assert told == ("DOCUMENT_REFUSED", "Cannot query field 'vieweer' on type 'Query'. Did you mean 'viewer'?")


def test_an_accepted_document_is_judged_once_and_a_refused_one_each_time() -> None:
    judge = documents()
    assert judge.document(PHONE) is judge.document(PHONE)
    for _ in range(2):
        with pytest.raises(DocumentRefused):
            judge.document("{viewer{nothing}}")


def test_the_memory_of_documents_is_bounded() -> None:
    judge = documents()
    texts = [f"#{i:05}{'a' * 20_000}\n{{{ME}}}" for i in range(40)]
    for text in texts:
        judge.document(text)
    assert sum(map(len, judge._kept)) <= KEPT_CHARACTERS
    assert list(judge._kept)[-1] == texts[-1]
