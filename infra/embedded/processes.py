"""Server processes: how they are started, found again after our own death, and ended.

Every server carries a marker made of the device and inode of its data folder in its command line, so that it is found
without a pid file that could be stale, and two homes never meet. As root the servers run as the folder's owner, or as
`nobody`, with the folder as working directory: `/proc/self/cwd` reaches it even where its parents are closed to them.
"""

import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from infra.embedded.home import EmbeddedError

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}
STEP_SECONDS = 0.2
RUN_STEPS_MAX = 600
LOG_BYTES_MAX = 16 * 1024 * 1024


@dataclass(frozen=True)
class Account:
    """The system user that the servers run as."""

    uid: int
    gid: int

    @staticmethod
    def of(folder: Path) -> "Account":
        if os.geteuid() != 0:
            return Account(os.geteuid(), os.getegid())
        if folder.exists() and folder.stat().st_uid != 0:
            return Account(folder.stat().st_uid, folder.stat().st_gid)
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedError(
                "Postgres refuses to run as root and there is no user `nobody`: run Gramme as another user."
            ) from None
        return Account(nobody.pw_uid, nobody.pw_gid)

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        if self.is_other:
            os.chown(folder, self.uid, self.gid)

    def popen(self, arguments: Sequence[str | Path], **options: object) -> "subprocess.Popen[bytes]":
        if self.is_other:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.Popen(arguments, env=ENVIRONMENT, start_new_session=True, **options)  # type: ignore[call-overload, no-any-return]

    def run(
        self, arguments: Sequence[str | Path], *, cwd: Path, text: str = "", cancelled: Event | None = None
    ) -> tuple[int, str]:
        """Exit code and what was printed. Raises OSError where it cannot be reached, EmbeddedError where it hangs.

        It is broken off with all that it started when `cancelled` is set.
        """
        process = self.popen(
            arguments, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        with process:
            given: bytes | None = text.encode()
            for _ in range(RUN_STEPS_MAX):
                try:
                    printed, _rest = process.communicate(given, timeout=STEP_SECONDS)
                    return process.returncode, printed.decode(errors="replace")
                except subprocess.TimeoutExpired:
                    given = None
                    if cancelled is not None and cancelled.is_set():
                        break
            os.killpg(process.pid, signal.SIGKILL)
        raise EmbeddedError(f"{Path(arguments[0]).name} did not end: try again.")


def marker_of(folder: Path) -> str:
    status = folder.stat()
    return f"gramme_{status.st_dev:x}_{status.st_ino:x}"


def marked(marker: str, account: Account) -> list[int]:
    """Processes of this account whose command line carries the marker."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            words = Path(entry.path, "cmdline").read_bytes()
            if marker.encode() in words and entry.stat().st_uid == account.uid:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def send(pids: Sequence[int], signal_number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal_number)
        except ProcessLookupError:
            continue


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_log(path: Path) -> int:
    """A descriptor that appends; a log past its bound starts anew."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_size > LOG_BYTES_MAX:
        os.ftruncate(descriptor, 0)
    return descriptor


def written_since(log: Path, position: int) -> str:
    with open(log, "rb") as file:
        file.seek(position)
        return file.read().decode(errors="replace")


def complaint_in(printed: str) -> str:
    """The line that says why a server did not start, without its time stamp: a full disk before all that follows it."""
    lines = printed.splitlines()
    full = [line for line in lines if tells_of_full_disk(line)]
    wanted = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "ERROR", "error", "#"))]
    return (full or wanted or lines or ["it said nothing"])[-1].split("] ")[-1].strip()


def tells_of_full_disk(line: str) -> bool:
    return "No space left on device" in line or "Check free disk space" in line
