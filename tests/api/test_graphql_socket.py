"""Hostile sockets and streams: each is closed with the right code, and an honest one is served all the while."""

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api import authentication
from infra.security.tokens import digest
from tests.api.conftest import ORIGIN, Served, codes
from tests.conftest import Caller, sign_up
from tests.schema.test_document_limits import ATTACKS

pytestmark = [pytest.mark.attack, pytest.mark.usefixtures("no_fault")]

INIT = json.dumps({"type": "connection_init"})
ME = "{viewer{user{id}}}"
EVENTS = "subscription{accountEvents{sequence payload{__typename}}}"


def subscribe(query: Any, operation_id: Any = "1", **payload: Any) -> str:
    return json.dumps({"type": "subscribe", "id": operation_id, "payload": {"query": query, **payload}})


async def closing_of(opened: ClientConnection, seconds: float = 6) -> tuple[int, str]:
    """Code and reason of the close; what comes before it is dropped."""
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(_read_on(opened), seconds)
    assert closed.value.rcvd is not None, "the socket died without a close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def _read_on(opened: ClientConnection) -> None:
    while True:
        await opened.recv()


async def received(opened: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(opened.recv(), 5))
    return message


# ---------------------------------------------------------------- the handshake


@pytest.mark.parametrize("origin", [None, ORIGIN, "http://localhost:3000", "HTTPS://APP.gramme.example:443"])
async def test_a_phone_and_known_pages_may_connect(served: Served, origin: str | None) -> None:
    async with served.socket(origin) as opened:
        await opened.send(INIT)
        assert await received(opened) == {"type": "connection_ack"}


async def test_a_page_of_this_server_may_connect(served: Served) -> None:
    async with served.socket(f"http://{served.address}") as opened:
        await opened.send(INIT)
        assert await received(opened) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://app.gramme.example.evil.example",
        "http://app.gramme.example",
        "https://app.gramme.example:8443",
        "https://localhost:3000",
        "file://",
        "app.gramme.example",
    ],
)
async def test_a_page_of_another_site_may_not(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with served.socket(origin):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("protocols", [(), ("graphql-ws",), ("mqtt",)])
async def test_only_the_newer_protocol_is_spoken(served: Served, protocols: tuple[str, ...]) -> None:
    async with served.socket(protocols=protocols) as opened:
        assert await closing_of(opened) == (4406, "Subprotocol not acceptable")


async def test_a_socket_that_says_nothing_is_closed_within_five_seconds(served: Served) -> None:
    started = time.monotonic()
    async with served.socket() as opened:
        assert await closing_of(opened) == (4408, "Connection initialisation timeout")
    assert 4.5 < time.monotonic() - started < 6


# ---------------------------------------------------------------- messages

MESSAGES: dict[str, tuple[list[str | bytes], int]] = {
    "subscribe before init": ([subscribe(ME)], 4401),
    "init twice": ([INIT, INIT], 4429),
    "an init payload that is a list": ([json.dumps({"type": "connection_init", "payload": []})], 4400),
    "an init payload that is text": ([json.dumps({"type": "connection_init", "payload": "Bearer x"})], 4400),
    "a binary frame": ([INIT.encode()], 4400),
    "text that is no JSON": (["hello"], 4400),
    "half a JSON object": (['{"type":'], 4400),
    "null": (["null"], 4400),
    "a list": (["[]"], 4400),
    "a number": (["42"], 4400),
    "no type": (["{}"], 4400),
    "a type of null": (['{"type":null}'], 4400),
    "a type that is a list": (['{"type":["ping"]}'], 4400),
    "a message of the older protocol": (['{"type":"start","id":"1","payload":{}}'], 4400),
    "an unknown type": ([INIT, '{"type":"stop"}'], 4400),
    "subscribe without an id": ([INIT, '{"type":"subscribe","payload":{"query":"{viewer{user{id}}}"}}'], 4400),
    "subscribe with an empty id": ([INIT, subscribe(ME, "")], 4400),
    "subscribe with a number for an id": ([INIT, subscribe(ME, 1)], 4400),
    "subscribe without a payload": ([INIT, '{"type":"subscribe","id":"1"}'], 4400),
    "a payload that is a list": ([INIT, '{"type":"subscribe","id":"1","payload":[]}'], 4400),
    "complete without an id": ([INIT, '{"type":"complete"}'], 4400),
    "NaN": ([INIT, '{"type":"subscribe","id":"1","payload":{"query":"{x}","variables":{"a":NaN}}}'], 4400),
    "half a surrogate pair": ([INIT, '{"type":"ping","payload":{"a":"\\ud800"}}'], 4400),
    "NUL": ([INIT, '{"type":"subscribe","id":"\\u0000","payload":{"query":"{x}"}}'], 4400),
    "lists 30,000 deep": (["[" * 30_000], 4400),
    "lists 30,000 deep, closed": (["[" * 30_000 + "]" * 30_000], 4400),
    "65,537 bytes": (["[" + " " * 65_535 + "]"], 1009),
    "a megabyte": (["a" * 1_000_000], 1009),
    "17 megabytes": (["a" * 17_000_000], 1009),
    "one id twice": ([INIT, subscribe(EVENTS, "x"), subscribe(EVENTS, "x")], 4409),
    "2,000 pings at once": ([INIT, *['{"type":"ping"}'] * 2_000], 4429),
    "2,000 completes at once": ([INIT, *['{"type":"complete","id":"1"}'] * 2_000], 4429),
}


@pytest.mark.parametrize(("messages", "code"), MESSAGES.values(), ids=MESSAGES.keys())
async def test_a_message_against_the_protocol_closes_the_socket(
    served: Served, ada: Caller, messages: list[str | bytes], code: int
) -> None:
    async with served.socket() as opened:
        try:
            for message in messages:
                if message == INIT and code == 4409:
                    authorization = {"authorization": f"Bearer {ada.token}"}
                    message = json.dumps({"type": "connection_init", "payload": authorization})
                await opened.send(message)
        except ConnectionClosed:
            pass
        assert (await closing_of(opened))[0] == code


async def test_a_ping_is_answered(served: Served) -> None:
    async with served.greeted() as opened:
        await opened.send('{"type":"ping"}')
        assert await received(opened) == {"type": "pong"}


# ---------------------------------------------------------------- who calls


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer " + "a" * 43, "Basic x", 5, [], {}, True])
async def test_a_wrong_token_closes_the_socket(served: Served, authorization: Any) -> None:
    async with served.socket() as opened:
        await opened.send(json.dumps({"type": "connection_init", "payload": {"authorization": authorization}}))
        assert await closing_of(opened) == (4403, "Forbidden")


async def test_the_token_of_the_init_is_the_caller_of_each_operation(served: Served, ada: Caller) -> None:
    async with served.greeted(ada.token) as opened:
        for operation_id in "ab":
            await opened.send(subscribe(ME, operation_id))
            answer = {"id": operation_id, "type": "next", "payload": {"data": {"viewer": {"user": {"id": ada.id}}}}}
            assert await received(opened) == answer
            assert await received(opened) == {"id": operation_id, "type": "complete"}


async def test_without_a_token_a_private_stream_is_refused(served: Served) -> None:
    async with served.greeted() as opened:
        await opened.send(subscribe(EVENTS))
        refused = await received(opened)
        assert refused["type"] == "error"
        assert [error["extensions"]["code"] for error in refused["payload"]] == ["UNAUTHENTICATED"]


async def test_signing_out_closes_the_socket_at_once(served: Served) -> None:
    eve = await sign_up(served.client, "Eve")
    async with served.greeted(eve.token) as opened:
        await opened.send(subscribe(EVENTS))
        await served.ask("mutation{signOut}", token=eve.token)
        assert await closing_of(opened, 2) == (4403, "Session ended")


async def test_a_socket_ends_with_its_token(served: Served) -> None:
    eve = await sign_up(served.client, "Eve")
    owner = await asyncpg.connect(served.owner_url)
    await owner.execute(
        "UPDATE access_token SET expires_at = now() + interval '1 second' WHERE hash = $1", digest(eve.token)
    )
    await owner.close()
    async with served.greeted(eve.token) as opened:
        await opened.send(subscribe(EVENTS))
        assert await closing_of(opened, 3) == (4403, "Token expired")


async def test_a_sign_out_in_another_process_closes_the_socket_too(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "LOOKED_AT_AGAIN_SECONDS", 1)
    eve = await sign_up(served.client, "Eve")
    async with served.greeted(eve.token) as opened:
        owner = await asyncpg.connect(served.owner_url)
        await owner.execute("DELETE FROM access_token WHERE hash = $1", digest(eve.token))
        await owner.close()
        assert await closing_of(opened, 8) == (4403, "Token expired")


async def test_each_operation_asks_again_whose_the_token_is(served: Served) -> None:
    eve = await sign_up(served.client, "Eve")
    async with served.greeted(eve.token) as opened:
        owner = await asyncpg.connect(served.owner_url)
        await owner.execute("DELETE FROM access_token WHERE hash = $1", digest(eve.token))
        await owner.close()
        await asyncio.sleep(5.1)
        await opened.send(subscribe(ME))
        refused = await received(opened)
        assert [error["extensions"]["code"] for error in refused["payload"]] == ["UNAUTHENTICATED"]
        assert await closing_of(opened) == (4403, "Forbidden")


# ---------------------------------------------------------------- operations


@pytest.mark.parametrize("name", [name for name, text in ATTACKS.items() if len(text) < 60_000])
async def test_a_document_that_asks_too_much_is_refused_and_the_socket_lives(served: Served, name: str) -> None:
    async with served.greeted() as opened:
        await opened.send(subscribe(ATTACKS[name]))
        refused = await received(opened)
        assert (refused["type"], refused["id"]) == ("error", "1")
        assert {error["extensions"]["code"] for error in refused["payload"]} == {"DOCUMENT_REFUSED"}
        await opened.send('{"type":"ping"}')
        assert await received(opened) == {"type": "pong"}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "DOCUMENT_REFUSED"),
        ({"query": None}, "DOCUMENT_REFUSED"),
        ({"query": 5}, "DOCUMENT_REFUSED"),
        ({"query": [ME, ME]}, "DOCUMENT_REFUSED"),
        ({"query": "{"}, "DOCUMENT_REFUSED"),
        ({"query": "{nothing}"}, "DOCUMENT_REFUSED"),
        ({"query": "query A{viewer{user{id}}} query B{viewer{user{id}}}"}, "DOCUMENT_REFUSED"),
        ({"query": ME, "operationName": "Missing"}, "DOCUMENT_REFUSED"),
        ({"query": ME, "operationName": 5}, "BAD_USER_INPUT"),
        ({"query": ME, "variables": []}, "BAD_USER_INPUT"),
        ({"query": ME, "variables": "{}"}, "BAD_USER_INPUT"),
        ({"query": "subscription($s:[String!]!){ticker(symbols:$s){at}}", "variables": {"s": 5.5}}, "BAD_USER_INPUT"),
        ({"query": "subscription($s:[String!]!){ticker(symbols:$s){at}}", "variables": {"s": []}}, "BAD_USER_INPUT"),
        ({"query": "subscription{ticker(symbols:[5]){at}}"}, "BAD_USER_INPUT"),
    ],
)
async def test_a_wrong_operation_has_an_error_with_a_code(served: Served, payload: dict[str, Any], code: str) -> None:
    async with served.greeted() as opened:
        await opened.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
        refused = await received(opened)
        assert refused["type"] == "error"
        assert [error["extensions"]["code"] for error in refused["payload"]] == [code]


async def test_a_socket_has_at_most_twenty_operations(served: Served, ada: Caller) -> None:
    async with served.greeted(ada.token) as opened:
        for number in range(20):
            await opened.send(subscribe(EVENTS, str(number)))
        await opened.send(subscribe(EVENTS, "one more"))
        refused = await received(opened)
        assert (refused["type"], refused["id"]) == ("error", "one more")
        assert refused["payload"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": 1}
        await opened.send(json.dumps({"type": "complete", "id": "7"}))
        await opened.send(subscribe(ME, "one more"))
        assert (await received(opened))["type"] == "next"


async def test_mutations_over_a_socket_obey_the_same_limits(served: Served, ada: Caller) -> None:
    cancel = f'mutation{{cancelOrder(clientOrderId:"{uuid4()}"){{__typename}}}}'
    async with served.greeted(ada.token) as opened:
        told = []
        for number in range(190):
            await opened.send(subscribe(cancel, str(number)))
            answer = await received(opened)
            while answer["type"] == "complete":
                answer = await received(opened)
            told += [error["extensions"]["code"] for error in answer["payload"].get("errors", [])]
    assert set(told) <= {"RATE_LIMITED"}


# ---------------------------------------------------------------- server-sent events

EVENT_STREAM = {"accept": "text/event-stream"}


async def events_of(served: Served, document: str, token: str | None = None) -> list[tuple[str, Any]]:
    """All events of a stream that ends by itself."""
    headers = EVENT_STREAM | ({"authorization": f"Bearer {token}"} if token else {})
    answer = await served.client.post("/graphql", json={"query": document}, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\r\n") for block in answer.text.split("\r\n\r\n") if block.startswith("event: ")]
    return [(event[7:], json.loads(data[6:]) if data[6:] else None) for event, data in blocks]


async def test_a_query_can_be_streamed_too(served: Served, ada: Caller) -> None:
    assert await events_of(served, ME, ada.token) == [
        ("next", {"data": {"viewer": {"user": {"id": ada.id}}}}),
        ("complete", None),
    ]


@pytest.mark.parametrize(
    ("document", "token", "code"),
    [
        (EVENTS, None, "UNAUTHENTICATED"),
        (EVENTS, "a" * 43, "UNAUTHENTICATED"),
        ("{nothing}", None, "DOCUMENT_REFUSED"),
        (ATTACKS["fragments spread twice, 26 deep"], None, "DOCUMENT_REFUSED"),
        ("subscription{ticker(symbols:[]){at}}", None, "BAD_USER_INPUT"),
    ],
)
async def test_a_refused_stream_tells_why_and_ends(served: Served, document: str, token: str | None, code: str) -> None:
    (first, told), last = await events_of(served, document, token)
    assert (first, last, codes(told)) == ("next", ("complete", None), [code])


async def test_a_subscription_is_not_answered_as_plain_json(served: Served, ada: Caller) -> None:
    answer = await served.ask(EVENTS, token=ada.token)
    assert codes(answer) == ["DOCUMENT_REFUSED"]


async def test_signing_out_ends_a_stream(served: Served) -> None:
    eve = await sign_up(served.client, "Eve")
    streaming = asyncio.create_task(events_of(served, EVENTS, eve.token))
    await asyncio.sleep(0.3)
    await served.ask("mutation{signOut}", token=eve.token)
    (first, told), last = await asyncio.wait_for(streaming, 3)
    assert (first, last) == ("next", ("complete", None))
    assert codes(told) == ["UNAUTHENTICATED"]
