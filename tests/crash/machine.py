"""The Postgres and the Valkey of a crash test, killed and started again."""

import asyncio
import os
import signal
from dataclasses import dataclass

from infra.embedded import EmbeddedServers


@dataclass(frozen=True)
class Machine:
    servers: EmbeddedServers

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster and to all that it forked."""
        assert self.servers.postgres is not None
        _kill(self.servers.postgres.pids())

    def kill_valkey(self) -> None:
        assert self.servers.valkey is not None
        _kill(self.servers.valkey.pids())

    async def start(self) -> None:
        """What was killed is started on its old port."""
        await asyncio.to_thread(self.servers.start)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
