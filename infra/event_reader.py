"""Reads account events for everybody who waits, many people in one query."""

import asyncio

from domain.events import AccountEvent
from infra.postgres.events import PostgresEvents, Wanted

PEOPLE_PER_READ = 100


class EventReader:
    """One read is under way at a time; what is asked for meanwhile goes into the next."""

    def __init__(self, store: PostgresEvents) -> None:
        self._store = store
        self._waiting: list[tuple[Wanted, asyncio.Future[list[AccountEvent]]]] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, wanted: Wanted) -> list[AccountEvent]:
        """Oldest first; raises what the database raises."""
        answer: asyncio.Future[list[AccountEvent]] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._read_all(), name="event-reader")
        return await answer

    async def _read_all(self) -> None:
        while self._waiting:
            chunk, self._waiting = self._waiting[:PEOPLE_PER_READ], self._waiting[PEOPLE_PER_READ:]
            asked = [(wanted, answer) for wanted, answer in chunk if not answer.cancelled()]
            try:
                pages = await self._store.pages([wanted for wanted, _ in asked])
            except Exception as error:  # each of those who asked decides
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), page in zip(asked, pages, strict=True):
                    if not answer.done():
                        answer.set_result(page)
        self._task = None
