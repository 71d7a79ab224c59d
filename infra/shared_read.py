"""One read for everybody who waits: news for 20,000 people is not 20,000 queries, nor as many waits for the pool."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SharedRead(Generic[K, V]):
    """`read_many` gives one answer for each key, in their order, and gets at most `most` keys.

    One read is under way at a time; what is asked for meanwhile goes into the next.
    """

    def __init__(self, read_many: Callable[[Sequence[K]], Awaitable[Sequence[V]]], most: int) -> None:
        self._read_many = read_many
        self._most = most
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, key: K) -> V:
        """Raises what `read_many` raises."""
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._read_all(), name="shared-read")
        return await answer

    async def _read_all(self) -> None:
        while self._waiting:
            chunk, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            asked = [(key, answer) for key, answer in chunk if not answer.done()]
            try:
                values = await self._read_many([key for key, _ in asked])
            except Exception as error:  # it is for each of those who asked to judge it
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), value in zip(asked, values, strict=True):
                    if not answer.done():
                        answer.set_result(value)
        self._task = None
