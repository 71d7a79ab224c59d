"""Both servers of one home: started by whoever comes first, shared, stopped by whoever leaves last."""

import contextlib
import fcntl
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import infra
from infra.embedded.home import EmbeddedError, Home, Lock
from infra.embedded.postgres import EmbeddedPostgres, Progress
from infra.embedded.processes import send
from infra.embedded.valkey import EmbeddedValkey

STOP_SECONDS = 3.0


class EmbeddedServers:
    """`start` may be called again at any time: what died is started anew on its old port. Both calls block."""

    def __init__(self, home: Path, *, postgres: bool = True, valkey: bool = True) -> None:
        self.home = Home(home)
        self.postgres = EmbeddedPostgres(self.home) if postgres else None
        self.valkey = EmbeddedValkey(self.home) if valkey else None
        self._share: Lock | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._cancelled = threading.Event()

    @property
    def owner_url(self) -> str:
        """The login that owns database `gramme`, migrates it and may make further databases."""
        secrets = self.home.secrets()
        return f"postgresql://gramme_owner:{secrets.owner_password}@127.0.0.1:{secrets.postgres_port}/gramme"

    @property
    def app_url(self) -> str:
        secrets = self.home.secrets()
        return f"postgresql://gramme_app:{secrets.app_password}@127.0.0.1:{secrets.postgres_port}/gramme"

    @property
    def redis_url(self) -> str:
        secrets = self.home.secrets()
        return f"redis://:{secrets.valkey_password}@127.0.0.1:{secrets.valkey_port}/0"

    def start(self, progress: Progress = lambda _step: None) -> None:
        """Raises EmbeddedError; what was started by then is stopped by `stop`."""
        self.home.prepare()
        try:
            is_alone = False
            if self._share is None:
                self._share, is_alone = self.home.use()
            with self.home.starting():
                self._start_keeper()
                if self.postgres:
                    self.postgres.start(progress, self._cancelled, is_alone=is_alone)
                if self.valkey:
                    progress("Joining Valkey" if self.valkey.pids() else "Starting Valkey")
                    self.valkey.start(self._cancelled)
        except OSError as error:
            raise EmbeddedError(f"The bundled servers cannot run in {self.home.path}: {error}.") from error

    def are_running(self) -> bool:
        return all(server.pids() for server in (self.postgres, self.valkey) if server)

    def cancel(self) -> None:
        """Breaks a `start` off that runs in another thread."""
        self._cancelled.set()

    def stop(self) -> None:
        """Gives our share back, and stops the servers unless another process uses this home."""
        if self._share is None:
            return
        self._share.close()
        self._share = None
        if not self.home.path.exists():
            self._stop_servers()
            return
        deadline = time.monotonic() + STOP_SECONDS + 1.5
        with contextlib.closing(self.home.in_use()) as lock:
            while time.monotonic() < deadline:
                if lock.take(fcntl.LOCK_EX):
                    self._stop_servers()
                    break
                if lock.take(fcntl.LOCK_SH):
                    break  # Others have their share: the servers stay.
                time.sleep(0.02)  # The keeper is stopping them.

    def _stop_servers(self) -> None:
        stop_all(self.postgres or EmbeddedPostgres(self.home), self.valkey or EmbeddedValkey(self.home))
        if self._keeper:
            self._keeper.terminate()
            self._keeper.wait()
            self._keeper = None

    def _start_keeper(self) -> None:
        """One process that waits for all users of the home to be gone, killed ones too, and then stops the servers."""
        with contextlib.closing(self.home.keeper()) as lock:
            if not lock.take(fcntl.LOCK_EX):
                return
        if self._keeper:
            self._keeper.poll()
        assert infra.__file__
        self._keeper = subprocess.Popen(
            [sys.executable, "-S", "-m", "infra.embedded.keeper", str(self.home.path)],
            env={"PYTHONPATH": str(Path(infra.__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def stop_all(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    """Whoever started them: fast at first, then without a checkpoint, in the end by force; nothing durable is lost."""
    begun = time.monotonic()
    postgres.ask_to_stop()
    valkey.ask_to_stop()
    hurried = False
    while pids := postgres.pids() + valkey.pids():
        elapsed = time.monotonic() - begun
        if elapsed > STOP_SECONDS * 2 / 3 and not hurried:
            postgres.ask_to_stop(at_once=True)
            hurried = True
        if elapsed > STOP_SECONDS:
            send(pids, signal.SIGKILL)
        if elapsed > STOP_SECONDS + 1:
            break
        postgres.reap()
        valkey.reap()
        time.sleep(0.02)
    postgres.reap()
    valkey.reap()
