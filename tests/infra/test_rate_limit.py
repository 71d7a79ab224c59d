"""Rate limits on the real Valkey, and without it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from domain.errors import TooManyRequests
from infra.embedded import EmbeddedServers
from infra.redis.connection import open_redis
from infra.redis.rate_limit import WINDOW_SECONDS, RateLimits

LIMITS = {"sign_ups": 60, "failed_sign_ins": 20, "account_failures": 5, "orders": 100, "mutations": 50, "partner": 1000}


@pytest.fixture
async def redis(servers: EmbeddedServers) -> AsyncIterator[Redis]:
    opened = open_redis(servers.redis_url)
    await opened.flushall()
    yield opened
    await opened.aclose()


def limits(redis: Redis, database: str = "test") -> RateLimits:
    """Patient, so that a busy machine does not look like a Redis that is away."""
    return RateLimits(redis, database, LIMITS, patience_seconds=10)


async def room(seconds: int, wanted: float = 0.6) -> None:
    """Waits until so much of the present window is left that a test fits in."""
    left = seconds - time.time() % seconds
    if left < min(wanted, seconds):
        await asyncio.sleep(left + 0.01)


async def counted(limiter: RateLimits, times: int, name: str, subject: str = "ada") -> int:
    """How many of these were let through."""
    outcomes = await asyncio.gather(*(limiter.count(name, subject) for _ in range(times)), return_exceptions=True)
    assert all(outcome is None or isinstance(outcome, TooManyRequests) for outcome in outcomes)
    return sum(outcome is None for outcome in outcomes)


@pytest.mark.parametrize("name", ["account_failures", "failed_sign_ins", "sign_ups"])
async def test_exactly_the_limit_is_let_through_however_many_come_at_once(redis: Redis, name: str) -> None:
    await room(WINDOW_SECONDS[name], 3)
    assert await counted(limits(redis), 100, name) == LIMITS[name]


async def test_processes_share_the_count_and_subjects_do_not(redis: Redis) -> None:
    await room(900, 3)
    one, other = limits(redis), limits(redis)
    assert await counted(one, 3, "account_failures") == 3
    assert await counted(other, 3, "account_failures") == 2
    assert await counted(other, 3, "account_failures", "bob") == 3
    assert await counted(other, 3, "failed_sign_ins") == 3
    assert await counted(limits(redis, "another database"), 3, "account_failures") == 3


async def test_a_new_window_begins_from_zero_and_the_pause_reaches_to_it(redis: Redis) -> None:
    limiter = limits(redis)
    await room(1)
    assert await counted(limiter, 60, "mutations") == 50
    with pytest.raises(TooManyRequests) as refused:
        await limiter.count("mutations", "ada")
    assert refused.value.retry_after_seconds == 1
    await asyncio.sleep(1 - time.time() % 1 + 0.01)
    assert await counted(limiter, 10, "mutations") == 10


async def test_the_pause_is_what_is_left_of_the_window(redis: Redis) -> None:
    limiter = limits(redis)
    await room(900, 3)
    await counted(limiter, 5, "account_failures")
    with pytest.raises(TooManyRequests) as refused:
        await limiter.count("account_failures", "ada")
    left = 900 - time.time() % 900
    assert left <= refused.value.retry_after_seconds <= left + 2


async def test_what_is_forgiven_can_be_counted_again(redis: Redis) -> None:
    limiter = limits(redis)
    await room(900, 3)
    for _ in range(20):
        await limiter.count("account_failures", "ada")
        await limiter.forgive("account_failures", "ada")
    assert await counted(limiter, 10, "account_failures") == 5


async def test_redis_holds_no_address_and_forgets(redis: Redis) -> None:
    await limits(redis).count("account_failures", "ada@example.org")
    keys = await redis.keys("*")
    assert len(keys) == 1
    assert "ada" not in keys[0]
    assert 0 < await redis.ttl(keys[0]) <= 901


@pytest.mark.parametrize("subject", ["", "\x00", "\ud800", "a b\r\nFLUSHALL", "x" * 1_000_000])
async def test_any_text_can_be_counted(redis: Redis, subject: str) -> None:
    await room(900, 3)
    assert await counted(limits(redis), 7, "account_failures", subject) == 5


@pytest.mark.parametrize("listens", [False, True], ids=["refused", "silent"])
async def test_without_redis_each_process_counts_for_itself(listens: bool) -> None:
    """The server is gone, or takes the connection and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    if not listens:
        server.close()
    redis = open_redis(f"redis://127.0.0.1:{port}/0")
    limiter = RateLimits(redis, "test", LIMITS)
    await room(900, 5)
    started = time.monotonic()
    assert await counted(limiter, 100, "account_failures") == 5
    assert await counted(limiter, 1, "account_failures", "bob") == 1
    assert time.monotonic() - started < 1
    await redis.aclose()
    server.close()


async def test_when_redis_is_back_it_is_asked_again(redis: Redis, servers: EmbeddedServers) -> None:
    gone = open_redis("redis://127.0.0.1:1/0")
    limiter = limits(gone)
    await limiter.count("sign_ups", "ada")
    assert await redis.keys("*") == []
    limiter._redis = redis
    await asyncio.sleep(1.05)
    await limiter.count("sign_ups", "ada")
    assert len(await redis.keys("*")) == 1
    await gone.aclose()
