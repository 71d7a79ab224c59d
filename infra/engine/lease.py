"""Who writes: one session-level advisory lock elects, an epoch in a row protects.

The lock is held by the connection that writes, so that losing one is losing both. The epoch is raised at every start
and checked in every batch: a writer that was frozen and replaced finds another number and commits nothing.
"""

import asyncio
import logging
from collections.abc import Callable

from infra.engine import pulse
from infra.postgres.connection import Connection

log = logging.getLogger(__name__)

WRITER_LOCK = 4_774_002
STALE_SECONDS = 5
ASK_AGAIN_SECONDS = 0.25


class LeaseLost(Exception):
    """Another writer has taken over; this one must not write any more."""


async def acquire(connection: Connection, address: str, is_wanted: Callable[[], bool]) -> int | None:
    """Waits until no other writer lives, then raises and returns the epoch; None once it is no longer wanted."""
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", WRITER_LOCK):
        if not is_wanted():
            return None
        await _end_stale_holder(connection)
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    epoch: int = await connection.fetchval(
        "UPDATE lease SET epoch = epoch + 1, address = $1, heartbeat = clock_timestamp() WHERE id = 1 RETURNING epoch",
        address,
    )
    return epoch


async def beat(connection: Connection, epoch: int) -> None:
    """Says that the writer lives. Raises LeaseLost where another one took over."""
    done = await connection.execute("UPDATE lease SET heartbeat = clock_timestamp() WHERE id = 1 AND epoch = $1", epoch)
    if done != "UPDATE 1":
        raise LeaseLost


async def _end_stale_holder(connection: Connection) -> None:
    """Ends the session of a writer of whose life nothing was heard for STALE_SECONDS, beat or pulse."""
    ended = await connection.fetch(
        """SELECT pg_terminate_backend(l.pid) FROM pg_locks l, lease
            WHERE l.locktype = 'advisory' AND l.objid = $1::bigint::oid AND l.granted AND l.pid <> pg_backend_pid()
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND lease.heartbeat < clock_timestamp() - make_interval(secs => $2)
              AND NOT EXISTS (SELECT FROM pg_stat_activity a
                               WHERE a.datname = current_database() AND a.application_name = $3 || lease.epoch
                                 AND a.state_change > clock_timestamp() - make_interval(secs => $2))""",
        WRITER_LOCK,
        STALE_SECONDS,
        pulse.SESSION,
    )
    if ended:
        log.warning("The writer before this one stopped answering; its session was ended.")
