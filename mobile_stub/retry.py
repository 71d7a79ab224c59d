"""How long a phone waits between attempts, and when it stops trying."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from mobile_stub.errors import GaveUp, NoAnswer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Pauses double from `first_seconds` to `longest_seconds`; no attempt starts after `total_seconds`."""

    first_seconds: float = 0.2
    longest_seconds: float = 5.0
    total_seconds: float = 180.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait, partly random: phones that were cut off together do not return together."""
        longest = min(self.first_seconds * 2.0 ** min(attempt, 30), self.longest_seconds)
        return longest * random.uniform(0.5, 1.0)


async def until_answered(patience: Patience, attempt_once: Callable[[], Awaitable[T]]) -> T:
    """The first answer of `attempt_once`, which raises NoAnswer to be called again. GaveUp when patience is over."""
    ends = time.monotonic() + patience.total_seconds
    attempt = 0
    while True:
        try:
            return await attempt_once()
        except NoAnswer as reason:
            pause = max(patience.pause(attempt), reason.retry_after_seconds)
            if time.monotonic() + pause > ends:
                raise GaveUp(str(reason)) from reason
            await asyncio.sleep(pause)
            attempt += 1
