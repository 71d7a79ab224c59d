"""The folder that holds all state of one installation: secrets, locks, data of both servers.

Who uses the folder holds a shared lock on `in-use.lock`, which the kernel drops when a process dies, however it dies.
Whoever gets that lock alone is the last one and stops the servers. `start.lock` lets one process at a time start them,
`keeper.lock` says that a keeper waits.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

FREE_BYTES_MIN = 256 * 1024 * 1024
LOCK_WAIT_SECONDS = 90.0


class EmbeddedError(Exception):
    """The bundled servers cannot run; the text is one plain sentence that says what to do."""


@dataclass(frozen=True)
class Secrets:
    """What `servers.json` remembers; port 0 is one that was not chosen yet."""

    owner_password: str
    app_password: str
    valkey_password: str
    postgres_port: int = 0
    valkey_port: int = 0


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.postgres = self.path / "postgres"
        self.valkey = self.path / "valkey"
        self.postgres_log = self.path / "postgres.log"
        self.valkey_log = self.path / "valkey.log"

    def prepare(self) -> None:
        """Makes the folder, for its owner alone. Raises EmbeddedError where that cannot be."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_file("start.lock").close()
        except (FileExistsError, NotADirectoryError) as error:
            raise EmbeddedError(
                f"{self.path} is not a folder: set GRAMME_HOME to a folder that Gramme may use."
            ) from error
        except PermissionError as error:
            raise EmbeddedError(
                f"{self.path} cannot be written by this user: set GRAMME_HOME to a folder of your own."
            ) from error
        except OSError as error:
            raise EmbeddedError(
                f"{self.path} cannot be used ({error.strerror}): free its disk or move GRAMME_HOME."
            ) from error
        if shutil.disk_usage(self.path).free < FREE_BYTES_MIN:
            raise EmbeddedError(
                f"The disk of {self.path} is full: free {FREE_BYTES_MIN // 2**20} MB, or set GRAMME_HOME elsewhere."
            )

    def secrets(self) -> Secrets:
        """The remembered ones, or new ones in a folder without data."""
        path = self.path / "servers.json"
        try:
            return Secrets(**json.loads(path.read_text()))
        except FileNotFoundError:
            if self.postgres.exists():
                raise EmbeddedError(
                    f"{path} with the passwords of {self.postgres} is missing: restore it, or move the folder away."
                ) from None
            made = Secrets(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
            self.remember(made)
            return made
        except PermissionError:
            raise EmbeddedError(f"{path} belongs to another user: set GRAMME_HOME to a folder of your own.") from None
        except (ValueError, TypeError):
            raise EmbeddedError(f"{path} is damaged: restore it, or move {self.path} away.") from None

    def remember(self, remembered: Secrets) -> None:
        """Replaces `servers.json` as a whole; only its owner can read it."""
        temporary = self.path / "servers.json.new"
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(remembered), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.path / "servers.json")

    def remember_port(self, server: str, port: int) -> Secrets:
        changed = Secrets(**{**asdict(self.secrets()), f"{server}_port": port})
        self.remember(changed)
        return changed

    # ------------------------------------------------------------ locks

    def _lock_file(self, name: str) -> "Lock":
        return Lock(os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def use(self) -> tuple["Lock", bool]:
        """A share of the home, kept until it is closed, and whether it was the only one.

        Waits while the last user is stopping the servers.
        """
        lock = self._lock_file("in-use.lock")
        is_alone = lock.take(fcntl.LOCK_EX)
        if not lock.wait(fcntl.LOCK_SH, LOCK_WAIT_SECONDS):
            lock.close()
            raise EmbeddedError(f"The servers of {self.path} do not stop: end them, then try again.")
        return lock, is_alone

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        with contextlib.closing(self._lock_file("start.lock")) as lock:
            if not lock.wait(fcntl.LOCK_EX, LOCK_WAIT_SECONDS):
                raise EmbeddedError(f"Another process is still starting the servers of {self.path}: try again later.")
            yield

    def keeper(self) -> "Lock":
        return self._lock_file("keeper.lock")

    def in_use(self) -> "Lock":
        return self._lock_file("in-use.lock")


class Lock:
    """One open lock file; closing it gives the lock back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def take(self, kind: int) -> bool:
        """At once, or not at all."""
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self, kind: int, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self.take(kind):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
