"""Works off the uploaded files: claims a job, has it read in a worker process, and records what came out.

The queue is the table of jobs, so a restart loses nothing: a job that was at work when the server died is claimed again
when its claim has run out. The folder of uploads must be one that every process that runs imports can see. A file is
removed when its job is done.
"""

import asyncio
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from domain.errors import DomainError, Overloaded
from domain.footprint.model import ImportJob, ImportStatus, Rejection
from domain.ids import new_id
from infra.capture.messages import captured_item, counter_row, meter_row
from infra.postgres.connection import Database, is_unavailable
from infra.postgres.import_recorder import Batch, ImportRecorder
from infra.postgres.imports import ClaimedImport, PostgresImports
from infra.postgres.meter_counters import TooManySeams
from infra.postgres.meter_readings import RegisterChanged
from infra.postgres.reading_overlaps import TooManyOverlaps
from infra.tasks import end_task

WORKERS = 2
WAITING_MAX = 200
WAITING_PER_OWNER_MAX = 8
CLAIM_SECONDS = 15
PROGRESS_SECONDS = 1
POLL_SECONDS = 5
READING_MAX_SECONDS = 600
ATTEMPTS_MAX = 5
STALE_UPLOAD_SECONDS = 3_600
UPLOADING = ".part"
_LINE_MAX_BYTES = 8 * 2**20

logger = logging.getLogger(__name__)


class WorkerFailed(Exception):
    """The file could not be read; the rejection says why."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.reason)
        self.rejection = rejection


@dataclass(slots=True)
class _Progress:
    format: str
    read: int = 0


class ImportRunner:
    def __init__(self, database: Database, folder: Path) -> None:
        self._imports = PostgresImports(database)
        self._recorder = ImportRecorder(database)
        self._folder = folder.absolute()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._receiving: Counter[int] = Counter()

    async def start(self) -> None:
        await asyncio.to_thread(self._prepare_folder)
        self._tasks = [asyncio.create_task(self._work(), name=f"import-{number}") for number in range(WORKERS)]

    async def close(self) -> None:
        await asyncio.gather(*(end_task(task) for task in self._tasks))

    def _prepare_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in self._folder.glob(f"*{UPLOADING}"):
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > STALE_UPLOAD_SECONDS:
                    part.unlink()

    def upload_path(self, now: datetime) -> Path:
        """Where a file may be written while it comes in; `accept` takes it from there."""
        return self._folder / f"{new_id(now)}{UPLOADING}"

    @asynccontextmanager
    async def receiving(self, owner: int) -> AsyncIterator[None]:
        """The time in which a file comes in. Raises Overloaded where too many come in or wait already."""
        self._receiving[owner] += 1
        try:
            everybody, own = await self._imports.waiting(owner)
            everybody += self._receiving.total()
            if everybody > WAITING_MAX or own + self._receiving[owner] > WAITING_PER_OWNER_MAX:
                raise Overloaded("Too many files wait to be read. Send this one again later.", retry_after_seconds=10)
            yield
        finally:
            self._receiving[owner] -= 1
            if not self._receiving[owner]:
                del self._receiving[owner]

    async def accept(
        self, upload: Path, *, owner: int, filename: str, region: str, time_zone: str, now: datetime
    ) -> ImportJob:
        """Queues a file that is complete on disk."""
        path = upload.with_suffix("")
        job = ImportJob(id=UUID(path.name), owner=owner, format="", status=ImportStatus.QUEUED)
        await asyncio.to_thread(upload.rename, path)
        try:
            await self._imports.add(job, path=path, filename=filename, region=region, time_zone=time_zone, now=now)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
        self._wake.set()
        return job

    async def _work(self) -> None:
        while True:
            try:
                self._wake.clear()
                claimed = await self._imports.claim(_now(), _claim_end())
                if claimed is not None:
                    await self._run(claimed)
                    continue
            except Exception as error:
                if not is_unavailable(error):
                    logger.exception("an import could not be carried on")
                await asyncio.sleep(POLL_SECONDS)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _run(self, claimed: ClaimedImport) -> None:
        """One job to its end. An outage of the database leaves it claimed, to be started again."""
        try:
            await self._import(claimed)
        except asyncio.CancelledError:
            with suppress(Exception):
                await self._imports.release(claimed.job.id)
            raise
        await asyncio.to_thread(claimed.path.unlink, missing_ok=True)

    async def _import(self, claimed: ClaimedImport) -> None:
        progress = _Progress(claimed.job.format)
        keeper = asyncio.create_task(self._keep_claim(claimed.job.id, progress))
        try:
            if claimed.attempts > ATTEMPTS_MAX:
                raise WorkerFailed(Rejection("GAVE_UP", "Reading this file was broken off too often. Send it again."))
            async with _worker(claimed) as messages:
                await self._record(claimed, messages, progress)
        except WorkerFailed as failure:
            await self._imports.fail(replace(claimed.job, format=progress.format), [failure.rejection])
        except Exception as error:
            if is_unavailable(error):
                raise
            logger.exception("import %s failed", claimed.job.id)
            fault = Rejection("INTERNAL", "The file could not be recorded because of a fault of ours.")
            await self._imports.fail(replace(claimed.job, format=progress.format), [fault])
        finally:
            keeper.cancel()

    async def _record(
        self, claimed: ClaimedImport, messages: AsyncIterator[dict[str, Any]], progress: _Progress
    ) -> None:
        verdict = await _verdict(messages, progress)
        rejections = [Rejection(**values) for values in verdict["rejections"]]
        job = replace(
            claimed.job,
            format=progress.format,
            records_read=verdict["read"],
            records_duplicate=verdict["duplicate"],
            records_rejected=verdict["rejected"],
        )
        if not verdict["accepted"]:
            nothing = Rejection("NO_READINGS", "The file holds no reading that can be used.", note=True)
            await self._imports.fail(job, [*rejections, nothing])
            return
        try:
            await self._recorder.record(
                job, rejections, _batches(messages), region=claimed.region, time_zone=claimed.time_zone, now=_now()
            )
        except RegisterChanged as change:
            await self._imports.fail(replace(job, records_duplicate=0), [Rejection("REGISTER_CHANGED", str(change))])
        except (TooManyOverlaps, TooManySeams):
            text = "Too many readings share their time with those of earlier files."
            await self._imports.fail(replace(job, records_duplicate=0), [Rejection("TOO_MANY_OVERLAPS", text)])
        except DomainError as refusal:
            await self._imports.fail(replace(job, records_duplicate=0), [Rejection("NO_FACTOR", refusal.message)])

    async def _keep_claim(self, import_id: UUID, progress: _Progress) -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            try:
                await self._imports.keep_claim(import_id, _claim_end(), progress.format, progress.read)
            except Exception as error:
                if not is_unavailable(error):
                    raise


@asynccontextmanager
async def _worker(claimed: ClaimedImport) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Messages of a worker that reads the file; it is gone, and what it unpacked too, when the block is left."""
    expanded = claimed.path.with_suffix(".expanded")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "infra.capture.worker",
        str(claimed.path),
        str(expanded),
        claimed.time_zone,
        claimed.region,
        claimed.sent_at.isoformat(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
        limit=_LINE_MAX_BYTES,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(READING_MAX_SECONDS) as limit:
            yield _messages(process)
    except TimeoutError:
        if not limit.expired():
            raise
        raise WorkerFailed(Rejection("TOO_SLOW", "Reading this file takes too long.")) from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await asyncio.to_thread(expanded.unlink, missing_ok=True)


async def _messages(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
    """Until the worker's last one; raises WorkerFailed where it gives up or is stopped by its limits."""
    assert process.stdout is not None
    async for line in process.stdout:
        message = orjson.loads(line)
        if "failed" in message:
            code, reason, kind = message["failed"]
            logger.info("a file could not be read: %s (%s)", code, kind)
            raise WorkerFailed(Rejection(code, reason))
        if "end" in message:
            return
        yield message
    logger.warning("a worker ended before its file did, with %s", await process.wait())
    raise WorkerFailed(Rejection("TOO_COMPLEX", "Reading this file takes more time or memory than it should."))


async def _verdict(messages: AsyncIterator[dict[str, Any]], progress: _Progress) -> dict[str, Any]:
    async for message in messages:
        if "verdict" in message:
            verdict: dict[str, Any] = message["verdict"]
            return verdict
        progress.format, progress.read = message["progress"]
    raise AssertionError("a worker ends with a verdict or fails")


async def _batches(messages: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Batch]:
    async for message in messages:
        if "rows" in message:
            yield [meter_row(values) for values in message["rows"]]
        elif "counters" in message:
            yield [counter_row(values) for values in message["counters"]]
        else:
            yield [captured_item(values) for values in message["captured"]]


def _now() -> datetime:
    return datetime.now(UTC)


def _claim_end() -> datetime:
    return _now() + timedelta(seconds=CLAIM_SECONDS)
