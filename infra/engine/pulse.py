"""Says that the writer lives while one batch takes long: an auction of a hundred thousand orders is one piece.

Deciding keeps the event loop and writing keeps the lease's row, so this is a thread with a connection of its own,
opened only where a step takes longer than a beat. It is silent where the writer waits for anything else, and about a
step that takes longer than LONGEST_SECONDS: a writer that stands still is replaced.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from infra.postgres.connection import Connection

log = logging.getLogger(__name__)

SESSION = "gramme-pulse-"
"""How its session is named, with the epoch behind it; `lease` looks for one that did something lately."""
BEAT_SECONDS = 0.5
ANSWER_SECONDS = 2
LONGEST_SECONDS = 300


class Pulse:
    """Use it as a context: the thread ends with it."""

    def __init__(self, url: str, epoch: int) -> None:
        self._url = url
        self._name = f"{SESSION}{epoch}"
        self._steps: dict[object, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around a step that may take long; deciding one batch and writing the one before go on at once."""
        step = object()
        self._steps[step] = time.monotonic()
        try:
            yield
        finally:
            del self._steps[step]

    def _is_at_work(self) -> bool:
        now = time.monotonic()
        return any(BEAT_SECONDS < now - began < LONGEST_SECONDS for began in list(self._steps.values()))

    def _run(self) -> None:
        connection: Connection | None = None
        with asyncio.Runner() as runner:
            while not self._ended.wait(BEAT_SECONDS):
                try:
                    if self._is_at_work():
                        connection = connection or runner.run(self._connected())
                        runner.run(connection.execute("SELECT 1", timeout=ANSWER_SECONDS))
                        continue
                except Exception as error:
                    log.warning("The pulse of the writer could not be told: %r", error)
                if connection is not None:
                    connection.terminate()
                    connection = None
            if connection is not None:
                connection.terminate()

    async def _connected(self) -> Connection:
        return await asyncpg.connect(
            self._url, timeout=ANSWER_SECONDS, server_settings={"application_name": self._name}
        )
