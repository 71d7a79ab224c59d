"""The `gramme` command as a person starts it: another process, its own home, its own port."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from infra.embedded import EmbeddedServers
from infra.embedded.processes import free_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


def gramme(*arguments: str, seconds: float = 60, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments],
        cwd=ROOT, env=environment(**settings), capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


def environment(**settings: str) -> dict[str, str]:
    """This one without its GRAMME_* variables, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GRAMME_")}
    return kept | {"COLUMNS": "200"} | settings


class RunningServer:
    def __init__(self, process: "subprocess.Popen[str]", home: Path, url: str, output: Path) -> None:
        self.process = process
        self.home = home
        self.url = url
        self._output = output

    def printed(self) -> str:
        return self._output.read_text()

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Until an order could be taken."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.printed()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=3).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"not ready after {seconds} s: {self.printed()}")

    def status(self) -> int:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=3).status_code
        return 0

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Seconds until it has ended."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - begun

    def leftovers(self) -> list[int]:
        """Servers of its home that still run."""
        servers = EmbeddedServers(self.home)
        assert servers.postgres
        assert servers.valkey
        return servers.postgres.pids() + servers.valkey.pids()


@contextlib.contextmanager
def running(home: Path, *arguments: str, **settings: str) -> Iterator[RunningServer]:
    """`gramme <arguments>` in the background; killed at the end where it still runs."""
    port = free_port()
    output = home.with_name(home.name + ".out")
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "api", *arguments],
            cwd=ROOT, env=environment(GRAMME_HOME=str(home), GRAMME_PORT=str(port), **settings),
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    try:
        yield RunningServer(process, home, f"http://127.0.0.1:{port}", output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
