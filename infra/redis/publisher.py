"""Rings the bell after a commit: "there is news up to this batch". Losing it costs the readers half a second."""

import asyncio
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.tasks import end_task

log = logging.getLogger(__name__)


class Publisher:
    def __init__(self, redis: Redis, channel: str) -> None:
        self._redis = redis
        self._channel = channel
        self._newest = 0
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_down = False

    def ring(self, batch: int) -> None:
        """Returns at once and never raises; batches that commit while one message is on its way share the next."""
        self._newest = batch
        self._rung.set()
        if self._task is None:
            self._task = asyncio.create_task(self._publish(), name="news-publisher")

    async def close(self) -> None:
        if self._task is not None:
            await end_task(self._task)

    async def _publish(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                await self._redis.publish(self._channel, self._newest)
            except (RedisError, OSError) as error:
                if not self._is_down:
                    log.warning("Redis cannot be reached, so news is up to half a second late: %s", error)
                self._is_down = True
            else:
                if self._is_down:
                    log.info("Redis is back.")
                self._is_down = False
