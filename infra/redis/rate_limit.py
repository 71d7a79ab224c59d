"""Rate limits in windows of fixed length, counted in Redis so that all processes share them.

While Redis is away each process counts for itself: a limit is then looser by the number of processes, and never gone.
Subjects are hashed: Redis holds no e-mail or network address.
"""

import asyncio
import hashlib
import math
import time
from collections.abc import Mapping

from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.errors import TooManyRequests

WINDOW_SECONDS = {
    "sign_ups": 60,
    "failed_sign_ins": 60,
    "account_failures": 15 * 60,
    "orders": 1,
    "mutations": 1,
    "partner": 1,
}
REDIS_TIMEOUT_SECONDS = 0.25
REDIS_PAUSE_SECONDS = 1.0
LOCAL_COUNTERS_MAX = 100_000


class RateLimits:
    """The domain's RateLimiter. `limits` has one number for each name of WINDOW_SECONDS."""

    def __init__(
        self, redis: Redis, database: str, limits: Mapping[str, int], patience_seconds: float = REDIS_TIMEOUT_SECONDS
    ) -> None:
        self._redis = redis
        self._patience_seconds = patience_seconds
        self._database = database
        self._limits = {name: limits[name] for name in WINDOW_SECONDS}
        self._local: dict[str, tuple[int, float]] = {}
        self._redis_back_at = 0.0

    async def count(self, name: str, subject: str, times: int = 1) -> None:
        """Counts so many. Raises TooManyRequests where that is more than the limit."""
        seconds = WINDOW_SECONDS[name]
        if await self._add(times, name, subject, seconds) > self._limits[name]:
            left = seconds - time.time() % seconds
            raise TooManyRequests(retry_after_seconds=max(1, math.ceil(left)))

    async def forgive(self, name: str, subject: str) -> None:
        """Takes one back that was counted just now."""
        await self._add(-1, name, subject, WINDOW_SECONDS[name])

    async def _add(self, amount: int, name: str, subject: str, seconds: int) -> int:
        """The count of the present window after adding."""
        person = hashlib.sha256(subject.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        window = int(time.time() // seconds)
        key = f"gramme:{self._database}:limit:{name}:{window}:{person}"
        if time.monotonic() >= self._redis_back_at:
            try:
                return await self._add_in_redis(amount, key, seconds)
            except (RedisError, OSError):
                self._redis_back_at = time.monotonic() + REDIS_PAUSE_SECONDS
        return self._add_here(amount, key, (window + 1) * seconds)

    async def _add_in_redis(self, amount: int, key: str, seconds: int) -> int:
        async with asyncio.timeout(self._patience_seconds), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.incrby(key, amount)
            pipeline.expire(key, seconds + 1)
            total, _ = await pipeline.execute()
            return int(total)

    def _add_here(self, amount: int, key: str, until: float) -> int:
        if len(self._local) >= LOCAL_COUNTERS_MAX:
            self._forget_old_counters()
        total = self._local.get(key, (0, until))[0] + amount
        self._local[key] = (total, until)
        return total

    def _forget_old_counters(self) -> None:
        """Those of windows that are over; all of them where that is not enough."""
        now = time.time()
        live = {key: counter for key, counter in self._local.items() if counter[1] > now}
        self._local = live if len(live) < LOCAL_COUNTERS_MAX else {}
