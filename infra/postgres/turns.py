"""One write of a person's footprint at a time in this process, so that those that wait hold no connection.

The lock in Postgres decides between processes. Without turns, a few requests of one person that wait for it would hold
every connection of the pool, and nobody else could do anything.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WAIT_SECONDS = 10


class Turns:
    def __init__(self) -> None:
        self._locks: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, owner: int) -> AsyncIterator[None]:
        """Raises TimeoutError, which is an outage of this person's footprint, after WAIT_SECONDS."""
        lock, waiting = self._locks.get(owner, (asyncio.Lock(), 0))
        self._locks[owner] = (lock, waiting + 1)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, waiting = self._locks[owner]
            if waiting == 1:
                del self._locks[owner]
            else:
                self._locks[owner] = (lock, waiting - 1)
