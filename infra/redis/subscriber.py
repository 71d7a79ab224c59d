"""Listens for the bell, once per process, and never gives up."""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

QUIET_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0

log = logging.getLogger(__name__)


class Subscriber:
    def __init__(self, redis: Redis, channel: str) -> None:
        self._redis = redis
        self._channel = channel

    async def listen(self, notify: Callable[[], None]) -> None:
        """Calls `notify` for each hint, and after each (re)connection, because hints may have been missed before it."""
        pause = FIRST_PAUSE_SECONDS

        def heard() -> None:
            nonlocal pause
            if pause > FIRST_PAUSE_SECONDS:
                log.info("Listening to Redis again.")
            pause = FIRST_PAUSE_SECONDS
            notify()

        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    await _pass_on(pubsub, heard)
            except (RedisError, OSError) as error:
                if pause == FIRST_PAUSE_SECONDS:
                    log.warning("Redis cannot be heard, so news is up to half a second late: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _pass_on(pubsub: PubSub, heard: Callable[[], None]) -> None:
    """Until the connection breaks or, half open, leaves a ping unanswered."""
    asked = False
    while True:
        message = await pubsub.get_message(timeout=QUIET_SECONDS)
        if message is None and asked:
            raise ConnectionError("no answer to a ping")
        asked = message is None
        if message is None:
            await pubsub.ping()
        elif message["type"] in ("message", "subscribe"):
            heard()
