"""How a phone asks over a bad network: the same key until a definite answer, in order, one refresh at a time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mobile_stub.client import Client
from mobile_stub.errors import GaveUp, Refused, SignedOut
from mobile_stub.retry import Patience
from mobile_stub.storage import Storage
from tests.mobile_stub.flaky_server import CUT, FlakyServer, Reply, data, error, flaky_server

IMPATIENT = Patience(first_seconds=0.01, longest_seconds=0.05, total_seconds=5)
ORDER = {"__typename": "Order", "id": "T3JkZXI6MQ", "status": "OPEN"}
OVERLOADED = {"__typename": "Overloaded", "code": "OVERLOADED", "message": "busy", "retryAfterSeconds": 1}


@pytest.fixture
async def server() -> AsyncIterator[FlakyServer]:
    async with flaky_server() as opened:
        yield opened


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    opened = Storage(tmp_path / "phone.sqlite")
    yield opened
    opened.close()


def session(token: str, seconds: float = 900) -> dict[str, Any]:
    return {
        "__typename": "Session",
        "accessToken": token,
        "refreshToken": f"refresh-{token}",
        "expiresAt": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
        "user": {"id": "VXNlcjox"},
    }


@pytest.fixture
def phone(server: FlakyServer, storage: Storage, http: httpx.AsyncClient) -> Client:
    storage.save_note("session", session("first"))
    return Client(server.url, storage, http, patience=IMPATIENT)


def keys(server: FlakyServer) -> list[str]:
    return [request["variables"]["input"]["clientOrderId"] for request in server.requests]


async def place(phone: Client, key: str) -> Any:
    return await phone.perform("PlaceOrder", key, input={"clientOrderId": key})


async def test_the_same_key_goes_out_until_a_definite_answer(server: FlakyServer, phone: Client) -> None:
    server.reply_in_turn(
        CUT,
        Reply({"detail": "starting"}, status=503),
        error("UNAVAILABLE"),
        CUT,
        data(placeOrder=OVERLOADED | {"retryAfterSeconds": 0}),
        data(placeOrder=ORDER),
    )
    assert await place(phone, "key-1") == ORDER
    assert keys(server) == ["key-1"] * 6
    assert phone.storage.unanswered() == 0


async def test_an_answered_request_is_not_sent_again(server: FlakyServer, phone: Client) -> None:
    server.reply_in_turn(data(placeOrder=ORDER))
    await place(phone, "key-1")
    assert await place(phone, "key-1") == ORDER
    assert keys(server) == ["key-1"]


async def test_a_request_is_saved_before_it_is_sent(server: FlakyServer, phone: Client) -> None:
    saved = []

    def look(request: Any, headers: Any) -> Reply:
        saved.append(phone.storage.next_request())
        return data(placeOrder=ORDER)

    server.script = look
    await place(phone, "key-1")
    assert [request.key for request in saved] == ["key-1"]


async def test_a_phone_that_was_killed_asks_again_with_its_old_keys(
    server: FlakyServer, storage: Storage, http: httpx.AsyncClient, phone: Client
) -> None:
    server.reply_in_turn(CUT)
    hasty = Client(server.url, storage, http, patience=Patience(0.01, 0.01, 0.0))
    with pytest.raises(GaveUp):
        await place(hasty, "key-1")
    server.requests.clear()
    server.reply_in_turn(data(placeOrder=ORDER))
    await phone.flush()
    assert keys(server) == ["key-1"]
    assert await phone.answer("key-1") == ORDER


async def test_retry_after_is_respected(server: FlakyServer, phone: Client) -> None:
    for busy in (
        data(placeOrder=OVERLOADED),
        error("RATE_LIMITED", retryAfterSeconds=1),
        Reply({"detail": "later"}, status=429, headers={"retry-after": "1"}),
    ):
        server.reply_in_turn(busy, data(placeOrder=ORDER))
        started = asyncio.get_running_loop().time()
        await place(phone, f"key-{len(server.requests)}")
        assert 1.0 <= asyncio.get_running_loop().time() - started < 2.0


async def test_a_refusal_is_an_answer(server: FlakyServer, phone: Client) -> None:
    server.reply_in_turn(error("BAD_USER_INPUT"))
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            await place(phone, "key-1")
        assert refusal.value.code == "BAD_USER_INPUT"
    assert keys(server) == ["key-1"]


async def test_what_was_made_offline_goes_out_in_order(server: FlakyServer, phone: Client) -> None:
    server.reply_in_turn(CUT, data(placeOrder=ORDER))
    phone.offline = True
    for number in range(5):
        assert await place(phone, f"key-{number}") is None
    assert server.requests == []
    phone.offline = False
    assert await place(phone, "key-5") == ORDER
    assert keys(server) == ["key-0", "key-0", "key-1", "key-2", "key-3", "key-4", "key-5"]


async def test_one_refresh_serves_all_who_wait(server: FlakyServer, phone: Client) -> None:
    def script(request: Any, headers: dict[str, str]) -> Reply:
        if request["operationName"] == "RefreshSession":
            assert "authorization" not in headers
            return data(refreshSession=session("second"))
        if headers.get("authorization") == "Bearer second":
            return data(programmes=[])
        return error("UNAUTHENTICATED")

    server.script = script
    assert await asyncio.gather(*(phone.read("Programmes") for _ in range(6))) == [[]] * 6
    refreshes = [request for request in server.requests if request["operationName"] == "RefreshSession"]
    assert [request["variables"] for request in refreshes] == [{"refreshToken": "refresh-first"}]
    kept = phone.storage.note("session")
    assert kept is not None
    assert kept["refreshToken"] == "refresh-second"


async def test_a_lost_refresh_is_asked_for_with_the_same_token(server: FlakyServer, phone: Client) -> None:
    phone.storage.save_note("session", session("first", seconds=5))
    server.reply_in_turn(CUT, data(refreshSession=session("second")), data(programmes=[]))
    assert await phone.read("Programmes") == []
    assert [request["variables"] for request in server.requests] == [
        {"refreshToken": "refresh-first"},
        {"refreshToken": "refresh-first"},
        {},
    ]


async def test_a_refused_refresh_signs_out_and_keeps_the_request(server: FlakyServer, phone: Client) -> None:
    refused = {"__typename": "InvalidCredentials", "code": "INVALID_CREDENTIALS", "message": "sign in again"}
    server.reply_in_turn(error("UNAUTHENTICATED"), data(refreshSession=refused))
    with pytest.raises(SignedOut, match="sign in again"):
        await place(phone, "key-1")
    assert phone.storage.note("session") is None
    assert phone.storage.unanswered() == 1


async def test_a_mutation_without_a_key_is_never_repeated(server: FlakyServer, phone: Client) -> None:
    server.reply_in_turn(CUT)
    with pytest.raises(GaveUp):
        await phone.send_once("CreatePartner", name="Buses")
    assert len(server.requests) == 1
