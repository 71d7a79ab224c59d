"""The writer: takes what waits, one transaction, COMMIT, and only then the answers and the bell.

While a batch is being written, the next one is decided in memory; it is written after it, or never.

Any error drops the state and rebuilds it from Postgres: after a rollback, and above all after a connection lost during
COMMIT, memory may be ahead of the truth. A fault in the data or in a rule is found by applying that batch again one
command at a time; the culprit is answered INTERNAL, the others go on.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg

from domain.commands import Answer, Command
from domain.engine import Engine
from domain.errors import IdempotencyKeyReused, Internal, Unavailable
from domain.orders.schedule import next_due
from infra.engine import lease, recovery
from infra.engine.batch import STATEMENT_SECONDS, Batch, SealedBatch
from infra.engine.journal import stored_form
from infra.engine.loading import Earlier, earlier_answers, load_named
from infra.engine.pulse import Pulse
from infra.engine.queue import LocalQueue, Pending
from infra.postgres.connection import Connection, is_unavailable
from infra.tasks import end_task

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.25
BEAT_SECONDS = 1.0
RETRY_SECONDS = 0.5
BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""Every statement of the writer goes by key; a plan made while the tables were small must be right as they grow."""
PLANNED_ONCE = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
BREATH = 64
"""Commands decided before the event loop gets its turn, so that what is being written flows on."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A batch that was applied in memory: what to write, None where nothing is new, and what to answer then."""

    answers: list[tuple[Pending, Answer]]
    batch: SealedBatch | None


class Writing:
    """A batch on its way into Postgres; the task ends when its answers are told.

    `stored` is done after its COMMIT. `is_followed` is True while the next batch waits for that.
    """

    def __init__(
        self, pendings: list[Pending], store_and_tell: "Callable[[Writing], Coroutine[Any, Any, None]]"
    ) -> None:
        self.pendings = pendings
        self.stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_followed = False
        self.task = asyncio.create_task(store_and_tell(self))

    async def until_stored(self) -> None:
        """Raises what its transaction failed with."""
        self.is_followed = True
        await asyncio.wait([self.stored, self.task], return_when=asyncio.FIRST_COMPLETED)
        if not self.stored.done():
            await self.task


@dataclass(frozen=True, slots=True)
class Ahead:
    """The next batch, and what is being read for it while the one before is decided."""

    pendings: list[Pending]
    earlier: "asyncio.Task[Earlier]"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Writer:
    """Runs until it is stopped, through every outage; `failure` is set where it must not go on."""

    def __init__(
        self,
        url: str,
        queue: LocalQueue,
        ring: Callable[[int], None],
        *,
        batch_size: int,
        address: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._url = url
        self._queue = queue
        self._ring = ring
        self._batch_size = batch_size
        self._address = address
        self._clock = clock
        self._stopping = False
        self._epoch = 0
        self._pulse = Pulse(url, 0)
        self._engine = Engine()
        self._batch_sequence = 0
        self._chain = b""
        self._newest = datetime.fromtimestamp(0, UTC)
        self._beaten_at = 0.0
        self._writing: Writing | None = None
        self._ahead: Ahead | None = None
        self._fresh: tuple[Earlier, Earlier] = ({}, {})
        self.failure: Exception | None = None

    @property
    def is_ready(self) -> bool:
        """True while an order could be taken."""
        return self._queue.is_open

    @property
    def epoch(self) -> int:
        """That of the lease it holds or held last; 0 before the first."""
        return self._epoch

    async def run(self) -> None:
        """Elects itself, recovers and writes; after an outage it does so again. Returns after `stop` or a `failure`."""
        while not self._stopping and self.failure is None:
            connection: Connection | None = None
            reader: Connection | None = None
            try:
                connection = await self._connect("gramme-writer")
                reader = await self._connect("gramme-writer-reads")
                epoch = await lease.acquire(connection, self._address, lambda: not self._stopping)
                if epoch is None:
                    return
                self._epoch = epoch
                await self._recover(connection)
                self._queue.open()
                log.info(
                    "The writer is ready at command %d, epoch %d.", self._engine.state.command_sequence, self._epoch
                )
                with Pulse(self._url, epoch) as self._pulse:
                    await self._serve(connection, reader)
            except recovery.CorruptLedger as error:
                log.critical("The ledger cannot be trusted, so nothing is traded: %s.", error)
                self.failure = error
            except lease.LeaseLost:
                log.warning("Another writer has taken over.")
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("The writer failed and starts again.")
                else:
                    log.warning("Postgres cannot be reached; trying again: %s", error)
            finally:
                await self._put_back()
                self._queue.close()
                if self._writing is not None:
                    await end_task(self._writing.task)
                    self._writing = None
                for opened in (connection, reader):
                    if opened is not None:
                        opened.terminate()
            if not self._stopping and self.failure is None:
                await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self, name: str) -> Connection:
        return await asyncpg.connect(
            self._url,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"application_name": name, "timezone": "UTC", **BY_INDEX, **PLANNED_ONCE},
        )

    def stop(self) -> None:
        """Ends `run` after the batch that is under way."""
        self._stopping = True

    async def _recover(self, connection: Connection) -> None:
        recovered = await recovery.recover(connection)
        self._engine = Engine(recovered.state)
        self._fresh = ({}, {})
        self._batch_sequence = recovered.batch_sequence
        self._chain = recovered.chain
        self._newest = recovered.newest

    async def _serve(self, connection: Connection, reader: Connection) -> None:
        while not self._stopping:
            if self._ahead is not None:
                await self._carry_out(connection, reader, self._ahead.pendings)
            elif await self._queue.wait(IDLE_SECONDS):
                await self._carry_out(connection, reader, self._queue.take(self._batch_size))
            elif next_due(self._engine.state, self._now()) is not None:
                await self._carry_out(connection, reader, [])
            else:
                await self._carry_out(connection, reader, None)
        await self._carry_out(connection, reader, None)

    async def _beat(self, connection: Connection) -> None:
        loop_time = asyncio.get_running_loop().time()
        if loop_time - self._beaten_at >= BEAT_SECONDS:
            await lease.beat(connection, self._epoch)
            self._beaten_at = loop_time

    async def _carry_out(self, connection: Connection, reader: Connection, batch: list[Pending] | None) -> None:
        """Decides a batch while the one before is written, then begins to write it; None only waits for that one.

        Where a command of either is at fault, finds out which.
        """
        before = self._writing
        try:
            decided = None
            if batch is not None:
                with self._pulse.working():
                    ahead, self._ahead = self._ahead, None
                    found = await (self._read(reader, batch) if ahead is None else ahead.earlier)
                    decided = await self._decide(reader, batch, found, reads_ahead=True)
            if before is not None:
                await (before.task if decided is None else before.until_stored())
            self._writing = None
            if decided is None:
                await self._beat(connection)
        except Exception as error:
            await self._clear_up(connection, reader, before, batch or [], error)
        else:
            if decided is not None:
                self._writing = Writing(batch or [], partial(self._store_and_tell, connection, decided))

    async def _clear_up(
        self,
        connection: Connection,
        reader: Connection,
        before: Writing | None,
        batch: list[Pending],
        error: Exception,
    ) -> None:
        """After an error of the batch that was being written, or else of the one that was being decided."""
        await self._put_back()
        pendings = batch
        if before is not None:
            await asyncio.wait([before.task])
            self._writing = None
            fault = before.task.exception()
            error = fault if isinstance(fault, Exception) else error
            pendings = [pending for pending in (*before.pendings, *batch) if not pending.answer.done()]
        if not _is_fault_of_a_command(error):
            for pending in pendings:
                pending.fail(Unavailable())
            raise error
        log.warning("%d commands are applied again one by one: %r", len(pendings), error)
        await self._carry_out_singly(connection, reader, pendings)

    async def _carry_out_singly(self, connection: Connection, reader: Connection, batch: list[Pending]) -> None:
        for number, pending in enumerate(batch):
            try:
                await self._recover(connection)
                found = await self._read(reader, [pending])
                decided = await self._decide(reader, [pending], found)
                await self._store(connection, decided)
                self._tell(decided)
            except Exception as error:
                if not _is_fault_of_a_command(error):
                    for rest in batch[number:]:
                        rest.fail(Unavailable())
                    raise
                log.exception("%s of owner %d could not be applied", pending.command.kind, pending.command.caller)
                internal = Internal()
                pending.resolve(Answer(internal.code, internal.as_data()))
        await self._recover(connection)

    async def _decide(
        self, reader: Connection, pendings: list[Pending], found: Earlier, *, reads_ahead: bool = False
    ) -> Decided:
        """Applies a batch in memory. What was `found` for it may lack the two batches before; memory has those."""
        state = self._engine.state
        newer, older = self._fresh
        earlier = older | newer | found
        fresh: Earlier = {}
        self._fresh = (fresh, newer)
        state.forget_ended()
        await load_named(reader, state, [pending.command for pending in pendings])
        batch = Batch(state, self._batch_sequence + 1, self._epoch, self._now())
        if reads_ahead and self._queue.waiting >= self._batch_size:
            following = self._queue.take(self._batch_size)
            self._ahead = Ahead(following, asyncio.create_task(self._read(reader, following)))
        self._follow_the_clock(batch)
        answers: list[tuple[Pending, Answer]] = []
        for number, pending in enumerate(pendings, 1):
            answers.append((pending, self._answer(batch, pending, earlier, fresh)))
            if number % BREATH == 0:
                await asyncio.sleep(0)
        if not batch:
            return Decided(answers, None)
        sealed = batch.seal(self._chain)
        self._batch_sequence = sealed.sequence
        self._chain = sealed.chain
        self._newest = batch.now
        return Decided(answers, sealed)

    async def _read(self, reader: Connection, pendings: list[Pending]) -> Earlier:
        return await earlier_answers(reader, self._engine.state, [pending.command for pending in pendings])

    async def _put_back(self) -> None:
        """What was taken ahead waits again, before all others; what was read for it counts no more."""
        if self._ahead is not None:
            await end_task(self._ahead.earlier)
            self._queue.put_back(self._ahead.pendings)
            self._ahead = None

    async def _store_and_tell(self, connection: Connection, decided: Decided, writing: Writing) -> None:
        """One transaction; the answers after its COMMIT. The next batch, where it is ready, comes before the clients.

        Postgres would else stand still while a thousand of them hear their answers and send what comes next.
        """
        await self._store(connection, decided)
        writing.stored.set_result(None)
        try:
            if writing.is_followed:
                for _turn in ("the next batch is let go on", "its writing stands in line"):
                    await asyncio.sleep(0)
        finally:
            self._tell(decided)

    async def _store(self, connection: Connection, decided: Decided) -> None:
        await self._beat(connection)
        if decided.batch is not None:
            with self._pulse.working():
                await decided.batch.write(connection)

    def _tell(self, decided: Decided) -> None:
        for pending, answer in decided.answers:
            pending.resolve(answer)
        if decided.batch is not None:
            self._ring(decided.batch.sequence)

    def _answer(self, batch: Batch, pending: Pending, earlier: Earlier, fresh: Earlier) -> Answer:
        """The answer given before under this key, or the engine's; that one becomes `fresh`."""
        command = pending.command
        if command.key is None:
            return self._apply(batch, pending)
        key = (command.caller, command.key.int)
        known = earlier.get(key)
        if known is None:
            answer = self._apply(batch, pending)
            earlier[key] = fresh[key] = (pending.payload_hash, answer)
            return answer
        payload_hash, answer = known
        if payload_hash != pending.payload_hash:
            reused = IdempotencyKeyReused()
            return Answer(reused.code, reused.as_data())
        return Answer(answer.kind, answer.data)

    def _apply(self, batch: Batch, pending: Pending) -> Answer:
        outcome = self._engine.apply(pending.command, batch.now)
        batch.add(pending, outcome)
        if outcome.things is not None and outcome.things.instruments:
            self._follow_the_clock(batch)
        return outcome.answer

    def _follow_the_clock(self, batch: Batch) -> None:
        """Applies what is due, before the first command of a batch and wherever one changed a market's phase."""
        while (due := next_due(self._engine.state, batch.now)) is not None:
            pending = _from_the_clock(due)
            batch.add(pending, self._engine.apply(due, batch.now))

    def _now(self) -> datetime:
        """The clock, but never before the last batch: a clock that is set back does not reorder anything."""
        return max(self._clock(), self._newest)


def _from_the_clock(command: Command) -> Pending:
    return Pending(command, *stored_form(command), asyncio.get_running_loop().create_future())


def _is_fault_of_a_command(error: Exception) -> bool:
    """True for bad data (SQLSTATE classes 22 and 23, what cannot be encoded) and for a fault in a rule."""
    if isinstance(error, lease.LeaseLost | recovery.CorruptLedger) or is_unavailable(error):
        return False
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in {"22", "23"}
    return True
