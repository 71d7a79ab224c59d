"""The server as a process of its own: `python -m api serve`, started, killed, frozen and started again on one port."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import httpx

from tests.crash.line import Line

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60
STOP_SECONDS = 15
ASK_SECONDS = 0.03


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """Leaving the block kills whatever still runs; nothing but this process is ever sent a signal."""

    def __init__(self, environment: Mapping[str, str], log: Path, role: str = "all") -> None:
        self.environment = environment
        self.role = role
        self.url = f"http://127.0.0.1:{environment['GRAMME_PORT']}"
        self.socket_url = f"ws://127.0.0.1:{environment['GRAMME_PORT']}/graphql"
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def line(self) -> Line:
        return Line("127.0.0.1", int(self.environment["GRAMME_PORT"]))

    def launch(self) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAMME_")}
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "api", "serve", "--role", self.role],
                cwd=ROOT, env={**inherited, **self.environment},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    async def start(self) -> float:
        """Seconds until an order could be taken."""
        begun = time.monotonic()
        self.launch()
        await self.until_ready()
        return time.monotonic() - begun

    def kill(self) -> None:
        """SIGKILL: no handler, no flush, no goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM, as an operator stops it; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_SECONDS)

    async def until_ready(self) -> None:
        """Raises AssertionError with the server's last words where it ends or does not get ready."""
        deadline = time.monotonic() + READY_SECONDS
        while not await self.is_ready():
            assert self._process is not None
            assert self._process.poll() is None, f"the server ended by itself: {self.last_words()}"
            assert time.monotonic() < deadline, f"not ready after {READY_SECONDS} s: {self.last_words()}"
            await asyncio.sleep(ASK_SECONDS)

    async def is_ready(self) -> bool:
        return await self.status() == 200

    async def status(self) -> int:
        """Of /readyz; 0 where nobody answers."""
        async with httpx.AsyncClient(timeout=1) as client:
            try:
                return (await client.get(f"{self.url}/readyz")).status_code
            except httpx.TransportError:
                return 0

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-4_000:]
