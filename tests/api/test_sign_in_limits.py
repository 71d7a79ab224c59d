"""Guessing passwords over the API, with the limits as they are set."""

import asyncio
import time

import httpx
import pytest

from tests.conftest import PASSWORD, graphql, sign_up

SIGN_IN = "mutation($e:String!,$p:String!){signIn(input:{email:$e,password:$p}){__typename}}"

pytestmark = pytest.mark.attack


async def attempt(client: httpx.AsyncClient, email: str, password: str) -> str:
    answer = await graphql(client, SIGN_IN, {"e": email, "p": password})
    return str(answer["data"]["signIn"]["__typename"])


async def room() -> None:
    """Both windows, a minute and a quarter of an hour, end together at the latest."""
    left = 60 - time.time() % 60
    if left < 40:
        await asyncio.sleep(left + 0.01)


async def test_an_account_takes_five_wrong_passwords_whatever_their_number_at_once(client: httpx.AsyncClient) -> None:
    ada = await sign_up(client)
    await room()
    outcomes = await asyncio.gather(*(attempt(client, ada.email, f"guess {n}") for n in range(15)))
    assert sorted(outcomes) == ["InvalidCredentials"] * 5 + ["TooManyRequests"] * 10
    assert await attempt(client, ada.email.upper(), PASSWORD) == "TooManyRequests"


async def test_right_passwords_are_not_counted(client: httpx.AsyncClient) -> None:
    ada = await sign_up(client)
    await room()
    assert [await attempt(client, ada.email, PASSWORD) for _ in range(8)] == ["Session"] * 8


async def test_an_address_takes_twenty_wrong_passwords_a_minute(client: httpx.AsyncClient) -> None:
    await room()
    outcomes = await asyncio.gather(*(attempt(client, f"nobody{n}@example.org", "a guess") for n in range(25)))
    assert sorted(outcomes) == ["InvalidCredentials"] * 20 + ["TooManyRequests"] * 5
