"""Forecasts for the API: asks the worker process, which starts at the first question and ends when nobody asks.

A forecast is advice and never stops a page: where none can be had in time, there is none.
"""

import asyncio
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import orjson

from domain.footprint.pacing import ForecastBand
from infra.tasks import end_task

ANSWER_SECONDS = 15
IDLE_SECONDS = 300
WAITING_MAX = 64
REMEMBERED_MAX = 2_000
_LINE_MAX_BYTES = 2**20

logger = logging.getLogger(__name__)

_Question = tuple[date, int, tuple[int | None, ...]]


class Forecaster:
    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Task[bytes] | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._known: OrderedDict[_Question, ForecastBand | None] = OrderedDict()
        self._idle: asyncio.TimerHandle | None = None

    async def sum_of_next(self, first_day: date, grams: Sequence[int | None], days: int) -> ForecastBand | None:
        question = (first_day, days, tuple(grams))
        if question in self._known:
            self._known.move_to_end(question)
            return self._known[question]
        if self._waiting >= WAITING_MAX:
            return None
        self._waiting += 1
        try:
            async with self._turn:
                band = await self._ask(question)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, orjson.JSONDecodeError):
            logger.exception("no forecast could be had")
            return None
        finally:
            self._waiting -= 1
        self._known[question] = band
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return band

    async def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        await self._end()

    async def _ask(self, question: _Question) -> ForecastBand | None:
        if self._idle is not None:
            self._idle.cancel()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                process = await self._running()
                await self._until_ready(process)
                assert process.stdin is not None
                assert process.stdout is not None
                first_day, days, grams = question
                process.stdin.write(orjson.dumps({"first_day": first_day, "days": days, "values": grams}) + b"\n")
                await process.stdin.drain()
                answer: Any = orjson.loads(await process.stdout.readuntil())
        except BaseException as error:
            if not (isinstance(error, TimeoutError | asyncio.CancelledError) and self._is_starting()):
                await self._end()
            raise
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._stop)
        return None if answer is None else ForecastBand(*(round(value) for value in answer))

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._ready = None
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "infra.forecasting.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path), "OMP_NUM_THREADS": "1"},
                limit=_LINE_MAX_BYTES,
                start_new_session=True,
            )
        return self._process

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        """Its libraries take seconds on a busy machine: whoever does not wait leaves it to get ready for the next."""
        assert process.stdout is not None
        if self._ready is None:
            self._ready = asyncio.create_task(process.stdout.readuntil(), name="forecasting worker")
        await asyncio.shield(self._ready)

    def _is_starting(self) -> bool:
        return self._ready is not None and not self._ready.done()

    def _stop(self) -> None:
        """The worker ends by itself where its questions end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = self._ready = None

    async def _end(self) -> None:
        process, ready, self._process, self._ready = self._process, self._ready, None, None
        if ready is not None:
            await end_task(ready)
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
