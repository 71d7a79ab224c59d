"""The bundled servers, really started, killed and found again. Each test has a home of its own."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio
import redis.exceptions

from infra.embedded import EmbeddedError, EmbeddedServers
from infra.embedded.home import Home
from infra.embedded.postgres import _runs
from infra.embedded.processes import Account, free_port

ROOT = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "a home"
    yield path
    leftovers = EmbeddedServers(path)
    if path.exists():
        assert leftovers.postgres
        assert leftovers.valkey
        assert leftovers.postgres.pids() + leftovers.valkey.pids() == []


@pytest.fixture
def embedded(home: Path) -> Iterator[EmbeddedServers]:
    started = EmbeddedServers(home)
    try:
        started.start()
        yield started
    finally:
        started.stop()


def server_pids(servers: EmbeddedServers) -> list[int]:
    assert servers.postgres
    assert servers.valkey
    return servers.postgres.pids() + servers.valkey.pids()


def wait_until_gone(servers: EmbeddedServers, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while server_pids(servers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server_pids(servers) == []


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def holder(home: Path) -> "subprocess.Popen[str]":
    """Another process that uses the home; it has started when its first line arrives."""
    code = """
import sys
from pathlib import Path
from infra.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]))
servers.start()
print(servers.postgres.postmaster(), servers._keeper.pid if servers._keeper else 0, flush=True)
sys.stdin.read()
servers.stop()
"""
    return subprocess.Popen(
        [sys.executable, "-c", code, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def first_line(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout
    return [int(word) for word in process.stdout.readline().split()]


def dismiss(process: "subprocess.Popen[str]") -> None:
    process.communicate(timeout=20)


async def test_postgres_is_durable_and_speaks_unicode(embedded: EmbeddedServers) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await ask(embedded.app_url, f"SHOW {setting}") == "on", setting
    assert await ask(embedded.app_url, "SHOW server_encoding") == "UTF8"
    assert await ask(embedded.app_url, "SELECT upper('ä') || lower('Ж')") == "Äж"
    assert await ask(embedded.app_url, "SHOW listen_addresses") == "127.0.0.1"


async def test_nobody_gets_in_without_the_password(embedded: EmbeddedServers) -> None:
    wrong = embedded.app_url.replace(embedded.home.secrets().app_password, "guessed")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)
    superuser = embedded.owner_url.replace("gramme_owner", "postgres")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(superuser)
    client = redis.asyncio.from_url(embedded.redis_url.replace(embedded.home.secrets().valkey_password, "guessed"))
    with pytest.raises(redis.exceptions.AuthenticationError):
        await client.ping()
    await client.aclose()


async def test_neither_login_is_a_superuser(embedded: EmbeddedServers) -> None:
    for url in (embedded.owner_url, embedded.app_url):
        assert await ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(embedded.app_url, "CREATE TABLE t (id int)")


def test_what_lies_in_the_home_is_for_its_owner_alone(embedded: EmbeddedServers, home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "servers.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700


def test_no_secret_stands_in_a_command_line(embedded: EmbeddedServers) -> None:
    secrets = embedded.home.secrets()
    for pid in server_pids(embedded):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        for secret in (secrets.owner_password, secrets.app_password, secrets.valkey_password):
            assert secret not in words


async def test_the_next_start_finds_the_data_and_the_ports(home: Path) -> None:
    urls = []
    for statement in ("CREATE TABLE kept AS SELECT 7 AS figure", "SELECT figure FROM kept"):
        servers = EmbeddedServers(home)
        servers.start()
        found = await ask(servers.owner_url, statement)
        urls.append((servers.owner_url, servers.redis_url))
        servers.stop()
        wait_until_gone(servers, 0)
    assert found == 7
    assert urls[0] == urls[1]


def test_stopping_takes_less_than_five_seconds_and_leaves_no_process(embedded: EmbeddedServers) -> None:
    keeper = embedded._keeper
    begun = time.monotonic()
    embedded.stop()
    assert time.monotonic() - begun < 5
    assert server_pids(embedded) == []
    assert keeper is not None
    assert keeper.returncode is not None


def test_stopping_after_the_home_was_deleted(home: Path) -> None:
    servers = EmbeddedServers(home)
    servers.start()
    shutil.rmtree(home)
    servers.stop()
    assert server_pids(servers) == []


def test_two_homes_live_side_by_side(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        pair = [EmbeddedServers(tmp_path / name) for name in ("one", "two")]
        for servers in pair:
            stack.callback(servers.stop)
            servers.start()
        assert len({servers.owner_url.rsplit("@")[1] for servers in pair}) == 2
        pair[0].stop()
        assert server_pids(pair[0]) == []
        assert pair[1].are_running()


def test_a_killed_process_takes_its_servers_along(home: Path) -> None:
    other = holder(home)
    first_line(other)
    other.kill()
    dismiss(other)
    wait_until_gone(EmbeddedServers(home))


def test_a_home_that_was_deleted_takes_its_servers_along_too(home: Path) -> None:
    other = holder(home)
    first_line(other)
    servers = EmbeddedServers(home)
    assert server_pids(servers)
    time.sleep(1)
    shutil.rmtree(home)
    other.kill()
    dismiss(other)
    wait_until_gone(servers)


def test_servers_that_lost_their_keeper_too_are_adopted(home: Path) -> None:
    other = holder(home)
    postmaster, keeper = first_line(other)
    os.kill(keeper, signal.SIGKILL)
    other.kill()
    dismiss(other)
    servers = EmbeddedServers(home)
    servers.start()
    assert servers.postgres
    assert servers.postgres.postmaster() == postmaster
    servers.stop()
    assert server_pids(servers) == []


def test_the_last_of_two_users_stops_the_servers(home: Path) -> None:
    other = holder(home)
    postmaster, _ = first_line(other)
    servers = EmbeddedServers(home)
    servers.start()
    assert servers.postgres
    assert servers.postgres.postmaster() == postmaster
    servers.stop()
    assert servers.are_running()
    dismiss(other)
    assert server_pids(servers) == []


async def test_a_killed_server_is_started_anew_on_its_port(embedded: EmbeddedServers) -> None:
    await ask(embedded.owner_url, "CREATE TABLE kept AS SELECT 7 AS figure")
    url = embedded.owner_url
    assert embedded.postgres
    assert embedded.valkey
    postmaster = embedded.postgres.postmaster()
    assert postmaster
    for pid in (postmaster, *embedded.valkey.pids()):
        os.kill(pid, signal.SIGKILL)
    embedded.start()
    assert embedded.owner_url == url
    assert embedded.postgres.postmaster() != postmaster
    assert await ask(embedded.owner_url, "SELECT figure FROM kept") == 7


def test_a_port_that_was_taken_meanwhile_is_replaced(home: Path) -> None:
    servers = EmbeddedServers(home)
    servers.start()
    servers.stop()
    taken = servers.home.secrets()
    with socket.socket() as first, socket.socket() as second:
        for thief, port in ((first, taken.postgres_port), (second, taken.valkey_port)):
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", port))
            thief.listen()
        servers = EmbeddedServers(home)
        try:
            servers.start()
            now = servers.home.secrets()
            assert now.postgres_port != taken.postgres_port
            assert now.valkey_port != taken.valkey_port
        finally:
            servers.stop()


def test_a_stale_pid_file_with_the_number_of_another_program_is_no_obstacle(home: Path) -> None:
    servers = EmbeddedServers(home)
    servers.start()
    servers.stop()
    (home / "postgres/postmaster.pid").write_text(f"{os.getpid()}\n/nowhere\n0\n{free_port()}\n\n\n0 0\nready\n")
    servers = EmbeddedServers(home)
    servers.start()
    assert servers.are_running()
    servers.stop()


def test_an_interrupted_first_start_is_made_good(home: Path) -> None:
    Home(home).prepare()
    (home / "postgres.new").mkdir()
    (home / "postgres.new/half").write_text("made")
    servers = EmbeddedServers(home)
    servers.start()
    servers.stop()
    assert not (home / "postgres.new").exists()


# ---------------------------------------------------------------- one plain sentence


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(
        EmbeddedError, match=r"^.*/file is not a folder: set GRAMME_HOME to a folder that Gramme may use\.$"
    ):
        EmbeddedServers(path).start()


def test_lost_passwords(home: Path) -> None:
    servers = EmbeddedServers(home)
    servers.start()
    servers.stop()
    (home / "servers.json").rename(home / "elsewhere")
    again = EmbeddedServers(home)
    with pytest.raises(EmbeddedError, match=r"servers\.json with the passwords of .* is missing: restore it"):
        again.start()
    again.stop()


def test_a_cluster_of_another_version(home: Path) -> None:
    servers = EmbeddedServers(home)
    servers.start()
    servers.stop()
    (home / "postgres/PG_VERSION").write_text("12\n")
    again = EmbeddedServers(home)
    with pytest.raises(EmbeddedError, match="was made by Postgres 12 and this is 18: move it over with pg_upgrade"):
        again.start()
    again.stop()
    assert server_pids(again) == []


@pytest.mark.root
def test_a_full_disk(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(mount)], check=True)
    try:
        with pytest.raises(EmbeddedError, match=r"The disk of .* is full: free 256 MB, or set GRAMME_HOME elsewhere\."):
            EmbeddedServers(mount / "home").start()
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.root
def test_a_disk_that_fills_while_the_cluster_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(mount)], check=True)
    monkeypatch.setattr("infra.embedded.home.FREE_BYTES_MIN", 0)
    servers = EmbeddedServers(mount / "home")
    try:
        with pytest.raises(
            EmbeddedError, match=r"The disk of .* is full: free some space, or set GRAMME_HOME elsewhere\."
        ):
            servers.start()
    finally:
        servers.stop()
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.root
def test_packages_that_only_root_can_reach(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a clone below /root: the binaries are copied to where `nobody` reaches them, whatever the umask is."""
    monkeypatch.setattr("infra.embedded.postgres.SHARED_BINARIES", Path("/var/tmp") / f"gramme-test-{os.getpid()}")
    monkeypatch.setattr("infra.embedded.postgres._runs", runs_only_below("/var/tmp"))
    umask = os.umask(0o077)
    servers = EmbeddedServers(home)
    try:
        servers.start()
        assert servers.postgres
        postmaster = servers.postgres.postmaster()
        assert str(Path(f"/proc/{postmaster}/exe").readlink()).startswith(
            f"/var/tmp/gramme-test-{os.getpid()}/postgres-"
        )
    finally:
        os.umask(umask)
        servers.stop()
        shutil.rmtree(f"/var/tmp/gramme-test-{os.getpid()}")


def runs_only_below(folder: str) -> Callable[[Path, Account], bool]:
    def runs(binaries: Path, account: Account) -> bool:
        return str(binaries).startswith(folder) and _runs(binaries, account)

    return runs


@pytest.mark.root
def test_a_home_below_a_folder_that_only_root_can_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    servers = EmbeddedServers(closed / "home")
    servers.start()
    try:
        account = Account.of(closed / "home/postgres")
        assert account.uid != 0
        assert (closed / "home/postgres").stat().st_uid == account.uid
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in server_pids(servers)} == {account.uid}
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert closed.stat().st_uid == 0
    finally:
        servers.stop()
