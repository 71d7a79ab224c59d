"""The Postgres and the Valkey of a crash test, killed and started again."""

import asyncio
import signal
from dataclasses import dataclass

from infra.embedded import EmbeddedServers
from infra.embedded.processes import send


@dataclass(frozen=True)
class Machine:
    servers: EmbeddedServers

    def kill_postgres(self) -> None:
        """SIGKILL to the postmaster and to all that it forked."""
        assert self.servers.postgres is not None
        send(self.servers.postgres.pids(), signal.SIGKILL)

    def kill_valkey(self) -> None:
        assert self.servers.valkey is not None
        send(self.servers.valkey.pids(), signal.SIGKILL)

    def pids(self) -> list[int]:
        assert self.servers.postgres is not None
        assert self.servers.valkey is not None
        return self.servers.postgres.pids() + self.servers.valkey.pids()

    async def start(self) -> None:
        """What was killed is started on its old port."""
        await asyncio.to_thread(self.servers.start)
