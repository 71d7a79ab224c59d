"""Hostile requests over HTTP, as anybody could send them: each has a plain answer with a code, none is our fault."""

import asyncio
import json
import logging
import re
from typing import Any

import asyncpg
import pytest

from api import middleware
from tests.api.conftest import Served, codes
from tests.conftest import Caller, sign_up
from tests.schema.test_document_limits import ATTACKS

pytestmark = pytest.mark.attack

ME = "{viewer{user{id email}}}"
JSON = {"content-type": "application/json"}
ASKED = json.dumps({"query": ME})


# ---------------------------------------------------------------- what is no GraphQL request


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_only_post_is_answered(served: Served, method: str) -> None:
    answer = await served.client.request(method, "/graphql", params={"query": ME}, headers={"accept": "text/html"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "",
        "text/plain",
        "text/plain;application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "text/json",
        "application/json-seq",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
    ],
)
async def test_a_form_or_script_of_another_site_cannot_ask(served: Served, media_type: str | None) -> None:
    headers = {} if media_type is None else {"content-type": media_type}
    answer = await served.client.post("/graphql", content=ASKED.encode(), headers=headers)
    assert (answer.status_code, codes(answer.json())) == (415, ["DOCUMENT_REFUSED"])


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
async def test_json_in_utf_8_is_read(served: Served, media_type: str) -> None:
    answer = await served.client.post("/graphql", content=ASKED, headers={"content-type": media_type})
    assert (answer.status_code, answer.json()) == (200, {"data": {"viewer": None}})


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, gzip"])
async def test_a_compressed_body_is_not_unpacked(served: Served, encoding: str) -> None:
    answer = await served.client.post(
        "/graphql", content=b"\x1f\x8b\x08" + b"\0" * 99, headers={**JSON, "content-encoding": encoding}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("size", [262_145, 400_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_bounded(served: Served, size: int, chunked: bool) -> None:
    content = json.dumps({"query": ME, "variables": {"x": ""}}).replace('""', '"' + "a" * size + '"').encode()

    async def pieces() -> Any:
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]

    answer = await served.client.post("/graphql", content=pieces() if chunked else content, headers=JSON)
    assert (answer.status_code, codes(answer.json())) == (413, ["DOCUMENT_REFUSED"])


async def test_the_largest_body_is_read(served: Served) -> None:
    bare = json.dumps({"query": ME, "variables": {"x": ""}})
    content = bare.replace('""', '"' + "a" * (262_144 - len(bare)) + '"')
    answer = await served.client.post("/graphql", content=content, headers=JSON)
    assert (len(content), answer.status_code) == (262_144, 200)


async def raw(served: Served, request: bytes) -> bytes:
    """The first bytes that come back for these, sent as they are."""
    host, port = served.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(400), 5)
    writer.close()
    return answer


async def test_a_hundred_megabytes_are_refused_by_their_length(served: Served) -> None:
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n"
    assert (await raw(served, head + b"{")).startswith(b"HTTP/1.1 413 ")


async def test_a_body_that_trickles_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
    assert (await raw(served, head + b"{")).startswith(b"HTTP/1.1 408 ")


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "BAD_USER_INPUT"),
    "a brace": (b"{", "BAD_USER_INPUT"),
    "text": (b"hello", "BAD_USER_INPUT"),
    "a trailing comma": (b'{"query":"{viewer{user{id}}}",}', "BAD_USER_INPUT"),
    "two values": (ASKED.encode() * 2, "BAD_USER_INPUT"),
    "null": (b"null", "BAD_USER_INPUT"),
    "a number": (b"42", "BAD_USER_INPUT"),
    "a string": (b'"{viewer{user{id}}}"', "BAD_USER_INPUT"),
    "an empty object": (b"{}", "DOCUMENT_REFUSED"),
    "no query": (b'{"variables":{}}', "DOCUMENT_REFUSED"),
    "an empty query": (b'{"query":" "}', "DOCUMENT_REFUSED"),
    "a query of null": (b'{"query":null}', "DOCUMENT_REFUSED"),
    "a query that is a number": (b'{"query":5}', "DOCUMENT_REFUSED"),
    "a query that is a list": (b'{"query":["{viewer{user{id}}}"]}', "DOCUMENT_REFUSED"),
    "variables in a list": (b'{"query":"{viewer{user{id}}}","variables":[]}', "BAD_USER_INPUT"),
    "variables in a string": (b'{"query":"{viewer{user{id}}}","variables":"{}"}', "BAD_USER_INPUT"),
    "a name that is a number": (b'{"query":"{viewer{user{id}}}","operationName":5}', "BAD_USER_INPUT"),
    "an empty batch": (b"[]", "DOCUMENT_REFUSED"),
    "a batch of one": (b"[" + ASKED.encode() + b"]", "DOCUMENT_REFUSED"),
    "a batch of 100": (b"[" + b",".join([ASKED.encode()] * 100) + b"]", "DOCUMENT_REFUSED"),
    "NaN": (b'{"query":"{viewer{user{id}}}","variables":{"a":NaN}}', "BAD_USER_INPUT"),
    "infinity": (b'{"query":"{viewer{user{id}}}","variables":{"a":-Infinity}}', "BAD_USER_INPUT"),
    "a number beyond all": (b'{"query":"{viewer{user{id}}}","variables":{"a":1e400}}', "BAD_USER_INPUT"),
    "half a surrogate pair": (b'{"query":"{viewer{user{id}}}","variables":{"a":"\\ud800"}}', "BAD_USER_INPUT"),
    "the other half": (b'{"query":"{viewer{user{id}}}","variables":{"\\udc00":1}}', "BAD_USER_INPUT"),
    "half a pair in the query": (b'{"query":"{node(id:\\"\\ud83d\\"){id}}"}', "BAD_USER_INPUT"),
    "NUL in a value": (b'{"query":"{viewer{user{id}}}","variables":{"a":[{"b":"x\\u0000"}]}}', "BAD_USER_INPUT"),
    "NUL in a key": (b'{"query":"{viewer{user{id}}}","variables":{"a\\u0000":1}}', "BAD_USER_INPUT"),
    "NUL in the query": (b'{"query":"{viewer{user{id}}}\\u0000"}', "BAD_USER_INPUT"),
    "NUL as it is": (b'{"query":"{viewer{user{id}}}\0"}', "BAD_USER_INPUT"),
    "bytes that are no UTF-8": (b'{"query":"\xff\xfe"}', "BAD_USER_INPUT"),
    "UTF-16": (ASKED.encode("utf-16"), "BAD_USER_INPUT"),
    "lists 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "BAD_USER_INPUT"),
    "lists 100,000 deep, open": (b"[" * 100_000, "BAD_USER_INPUT"),
    "objects 40,000 deep": (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "BAD_USER_INPUT"),
    "variables 20,000 deep": (
        b'{"query":"{viewer{user{id}}}","variables":{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        "BAD_USER_INPUT",
    ),
}


@pytest.mark.parametrize(("content", "code"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_body_that_is_no_request_is_a_bad_one(served: Served, content: bytes, code: str) -> None:
    answer = await served.client.post("/graphql", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["data"], codes(answer.json())) == (400, None, [code])


async def test_an_escaped_backslash_is_not_a_nul(served: Served) -> None:
    content = b'{"query":"query($s:String!){instrument(symbol:$s){id}}","variables":{"s":"\\\\u0000"}}'
    answer = await served.client.post("/graphql", content=content, headers=JSON)
    assert answer.json() == {"data": {"instrument": None}}


async def test_deep_variables_that_are_json_are_refused_by_their_type(served: Served) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    answer = await served.ask("query($s:String!){instrument(symbol:$s){id}}", {"s": deep})
    assert codes(answer) == ["BAD_USER_INPUT"]
    assert len(json.dumps(answer)) < 1_024


# ---------------------------------------------------------------- documents


@pytest.mark.parametrize("name", list(ATTACKS))
async def test_a_document_that_asks_too_much_is_refused(served: Served, name: str) -> None:
    answer = await served.ask(ATTACKS[name])
    assert answer["data"] is None
    assert set(codes(answer)) == {"DOCUMENT_REFUSED"}


@pytest.mark.parametrize(
    "document",
    [
        "",
        "hello",
        "{",
        "{viewer}",
        "{viewer{}}",
        "mutation{signOut{id}}",
        "query A{viewer{user{id}}} query B{viewer{user{id}}}",
        "query A{viewer{user{id}}} query A{viewer{user{id}}}",
        "subscription{ticker(symbols:[]){symbol}}",
        "fragment f on Viewer{user{id}}",
        "type Query{viewer:Int}",
        "{viewer{user{id}}} extend type Query{x:Int}",
        "{viewer{user{id @defer}}}",
        "query($a:String){viewer{user{id}}}",
        "{viewer{user{...Missing}}}",
        "{viewer{...on Order{id}}}",
    ],
)
async def test_a_document_without_sense_is_refused(served: Served, document: str) -> None:
    answer = await served.client.post("/graphql", json={"query": document})
    assert answer.status_code == (200 if document else 400)
    assert set(codes(answer.json())) == {"DOCUMENT_REFUSED"}
    assert "Did you mean" not in answer.text


async def test_a_document_that_was_accepted_is_judged_with_its_variables_each_time(served: Served) -> None:
    document = "query($s:String!,$n:Int){instrument(symbol:$s){trades(first:$n){edges{cursor}}}}"
    for _ in range(3):
        assert await served.ask(document, {"s": "none", "n": 5}) == {"data": {"instrument": None}}
        assert codes(await served.ask(document, {"s": 5})) == ["BAD_USER_INPUT"]
        assert codes(await served.ask(document, {})) == ["BAD_USER_INPUT"]


async def test_one_name_chooses_among_operations(served: Served) -> None:
    two = "query A{viewer{user{id}}} query B{programmes{code}}"
    answer = await served.client.post("/graphql", json={"query": two, "operationName": "B"})
    assert answer.json() == {"data": {"programmes": []}}
    missing = await served.client.post("/graphql", json={"query": two, "operationName": "C"})
    assert codes(missing.json()) == ["DOCUMENT_REFUSED"]


# ---------------------------------------------------------------- values

AMOUNTS: list[Any] = [
    None,
    True,
    "5",
    "1e5",
    "",
    5.5,
    0.1 + 0.2,
    1e30,
    10**18,
    2**53,
    -(2**53),
    10**30,
    [5],
    [],
    {},
    {"a": 1},
    "NaN",
    "' OR 1=1 --",
]


@pytest.mark.parametrize("amount", AMOUNTS, ids=repr)
async def test_a_mass_is_an_integer_that_json_keeps_exact(served: Served, ada: Caller, amount: Any) -> None:
    document = (
        'mutation($g:Grams!){convertToPoints(asset:"A",grams:$g,'
        'idempotencyKey:"018f6f2e-0000-7000-8000-000000000001"){__typename}}'
    )
    answer = await served.ask(document, {"g": amount}, ada.token)
    assert answer["data"] is None
    assert codes(answer) == ["BAD_USER_INPUT"]


TEXTS = [
    "",
    " ",
    "' OR 1=1 --",
    '"; DROP TABLE users; --',
    "../../etc/passwd",
    "%",
    "_",
    "\\",
    "a" * 200_000,
    "\u202e",
    "😀",
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:30]))
@pytest.mark.parametrize(
    "document",
    [
        "query($t:ID!){node(id:$t){id}}",
        "query($t:String!){instrument(symbol:$t){id}}",
        "query($t:String!){emissionFactors(activity:$t,region:$t){edges{cursor}}}",
        "query($t:String){offers(after:$t){edges{cursor}}}",
        "mutation($t:String!){refreshSession(refreshToken:$t){__typename}}",
        "mutation($t:String!){signIn(input:{email:$t,password:$t}){__typename}}",
        "mutation($t:String!){joinProgramme(code:$t){__typename}}",
        "mutation($t:ID!){cancelOrder(clientOrderId:$t){__typename}}",
        "mutation($t:ID!){registerDevice(input:{clientId:$t,platform:IOS}){__typename}}",
        "mutation($t:String!){signUp(input:{email:$t,password:$t,displayName:$t,region:$t,locale:$t,timeZone:$t})"
        "{__typename}}",
    ],
)
@pytest.mark.usefixtures("no_fault")
async def test_strange_text_is_never_a_fault_and_never_sql(
    served: Served, ada: Caller, document: str, text: str
) -> None:
    answer = await served.ask(document, {"t": text}, ada.token)
    assert set(codes(answer)) <= {"BAD_USER_INPUT", "INVALID_CURSOR"}
    assert "SQL" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("field", "value", "typename"),
    [
        ("email", "nobody", "InvalidInput"),
        ("displayName", "\u202eada", "InvalidInput"),
        ("region", "XX", "InvalidInput"),
        ("locale", "klingon", "InvalidInput"),
        ("timeZone", "Mars/Phobos", "InvalidInput"),
        ("timeZone", "", "InvalidInput"),
        ("password", "password", "WeakPassword"),
        ("password", "short", "WeakPassword"),
    ],
)
async def test_a_sign_up_names_the_field_that_is_wrong(served: Served, field: str, value: str, typename: str) -> None:
    given = {"email": "x@example.org", "password": "long enough", "displayName": "X", "region": "GB", field: value}
    answer = await served.ask(
        "mutation($i:SignUpInput!){signUp(input:$i){__typename ... on InvalidInput{field} ... on UserError{code}}}",
        {"i": given},
    )
    told = answer["data"]["signUp"]
    assert told["__typename"] == typename
    assert told.get("field") == (field if typename == "InvalidInput" else None)


@pytest.mark.parametrize("extra", ["roles", "owner", "id", "createdAt", "isAdmin"])
async def test_what_an_input_does_not_name_cannot_be_written(served: Served, extra: str) -> None:
    given = {"email": "y@example.org", "password": "long enough", "displayName": "Y", "region": "GB", extra: "OPERATOR"}
    answer = await served.ask("mutation($i:SignUpInput!){signUp(input:$i){__typename}}", {"i": given})
    assert codes(answer) == ["BAD_USER_INPUT"]
    assert "Did you mean" not in json.dumps(answer)


# ---------------------------------------------------------------- who calls


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer x",
        "Bearer " + "a" * 43,
        "Bearer gk_00000000_" + "a" * 43,
        "Bearer gk_",
        "Basic YWRhOmFkYQ==",
        "Token " + "a" * 43,
        "a" * 43,
        "",
        "Bearer ' OR 1=1 --",
        "Bearer " + "a" * 6_000,
        "Bearer é",
    ],
)
async def test_a_wrong_token_is_told_even_where_none_is_needed(served: Served, authorization: str) -> None:
    answer = await served.client.post(
        "/graphql", json={"query": "{programmes{code}}"}, headers={"authorization": authorization.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["data"], codes(answer.json())) == (200, None, ["UNAUTHENTICATED"])


async def test_the_scheme_is_read_in_any_case(served: Served, ada: Caller) -> None:
    answer = await served.client.post("/graphql", json={"query": ME}, headers={"authorization": f"bEARER {ada.token}"})
    assert answer.json()["data"]["viewer"]["user"]["id"] == ada.id


async def test_a_refresh_token_is_no_access_token(served: Served, ada: Caller) -> None:
    assert codes(await served.ask(ME, token=ada.refresh_token)) == ["UNAUTHENTICATED"]


async def test_after_signing_out_both_tokens_are_worth_nothing(served: Served) -> None:
    eve = await sign_up(served.client, "Eve")
    assert (await served.ask(ME, token=eve.token))["data"]["viewer"]["user"]["id"] == eve.id
    assert await served.ask("mutation{signOut}", token=eve.token) == {"data": {"signOut": True}}
    assert codes(await served.ask(ME, token=eve.token)) == ["UNAUTHENTICATED"]
    renewed = await served.ask(
        "mutation($t:String!){refreshSession(refreshToken:$t){__typename}}", {"t": eve.refresh_token}
    )
    assert renewed == {"data": {"refreshSession": {"__typename": "InvalidCredentials"}}}


async def test_nobody_is_not_signed_out(served: Served) -> None:
    answer = await served.ask("mutation{signOut}")
    assert codes(answer) == ["UNAUTHENTICATED"]


# ---------------------------------------------------------------- what an answer tells


async def test_each_answer_has_an_id_and_headers_that_protect(served: Served) -> None:
    for answer in [
        await served.client.post("/graphql", json={"query": ME}, headers={"x-request-id": "mine\tforged"}),
        await served.client.get("/graphql"),
        await served.client.get("/nowhere"),
    ]:
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


async def test_a_fault_of_ours_shows_an_id_that_the_log_has_and_nothing_else(
    served: Served, ada: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await asyncpg.connect(served.owner_url)
    await owner.execute("ALTER TABLE person RENAME TO nobody")
    try:
        with caplog.at_level(logging.ERROR):
            answer = await served.ask("{viewer{user{email}}}", token=ada.token)
    finally:
        await owner.execute("ALTER TABLE nobody RENAME TO person")
        await owner.close()
    (error,) = answer["errors"]
    assert error["message"] == "This request failed because of a fault of ours."
    assert error["extensions"]["code"] == "INTERNAL"
    assert re.search(f"fault {error['extensions']['id']} in request [0-9a-f]{{16}} at viewer.user", caplog.text)
    assert "person" not in json.dumps(answer)
    assert 'relation "person" does not exist' in caplog.text


async def test_what_is_refused_leaves_no_line_in_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for document in ["{", "{nothing}", ATTACKS["1,900 unknown fields"], "mutation{signOut}"]:
            await served.ask(document)
    assert [record for record in caplog.records if record.name.startswith(("gramme", "strawberry"))] == []
