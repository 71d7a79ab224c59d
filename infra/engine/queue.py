"""The in-process way to the writer: a bounded queue that it empties batch by batch."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from domain.commands import Answer, Command
from domain.errors import Overloaded, Unavailable
from infra.engine.journal import stored_form

ANSWER_SECONDS = 15


@dataclass(slots=True, eq=False)
class Pending:
    """A command that waits for its answer, with its stored form."""

    command: Command
    payload: str
    payload_hash: bytes
    answer: asyncio.Future[Answer]

    def resolve(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class LocalQueue:
    """Implements `domain.ports.CommandQueue` for a writer in the same process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[Pending] = deque()
        self._filled = asyncio.Event()
        self._opened = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []
        self._limited: deque[tuple[float, Pending]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def submit(self, command: Command) -> Answer:
        """Raises Unavailable at once while no writer is ready, and after ANSWER_SECONDS without an answer."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        loop = self._loop
        pending = Pending(command, *stored_form(command), loop.create_future())
        self.put(pending)
        self._limit(pending, loop)
        return await pending.answer

    def _limit(self, pending: Pending, loop: asyncio.AbstractEventLoop) -> None:
        """Lets a command wait for ANSWER_SECONDS; one timer serves all, since they are due as they came."""
        limited = self._limited
        while limited and limited[0][1].answer.done():
            limited.popleft()
        due = loop.time() + ANSWER_SECONDS
        limited.append((due, pending))
        if self._timer is None:
            self._timer = loop.call_at(due, self._fail_late, loop)

    def _fail_late(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._limited and (self._limited[0][0] <= now or self._limited[0][1].answer.done()):
            self._limited.popleft()[1].fail(Unavailable())
        self._timer = loop.call_at(self._limited[0][0], self._fail_late, loop) if self._limited else None

    def put(self, pending: Pending) -> None:
        """Raises Unavailable while no writer is ready, Overloaded where too many wait."""
        if not self.is_open:
            raise Unavailable()
        if len(self._waiting) >= self._size:
            raise Overloaded()
        self._waiting.append(pending)
        self._filled.set()

    def put_back(self, taken: list[Pending]) -> None:
        """Lets what was taken wait again, before all others."""
        self._waiting.extendleft(reversed(taken))

    def open(self) -> None:
        self._opened.set()
        self._tell()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Calls `watcher` whenever the queue is opened or closed."""
        self._watchers.append(watcher)

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()

    async def until_open(self) -> None:
        await self._opened.wait()

    def close(self) -> None:
        """Refuses what comes and fails what waits: nothing of it was decided."""
        self._opened.clear()
        for pending in self.take(len(self._waiting)):
            pending.fail(Unavailable())
        self._tell()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def is_open(self) -> bool:
        return self._opened.is_set()

    async def wait(self, seconds: float) -> bool:
        """True as soon as something waits, False after `seconds`."""
        if not self._waiting:
            self._filled.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._filled.wait()
            except TimeoutError:
                return False
        return True

    def take(self, most: int) -> list[Pending]:
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
