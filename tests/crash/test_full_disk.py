"""The disk of Postgres is full, that of its tables or that of its log: what is acknowledged is there, the rest is not.

On full tables a small batch may still find room in pages that exist; without room for the log nothing can commit.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from infra.embedded import EmbeddedServers
from infra.embedded.postgres import SETTINGS
from tests.crash.conftest import SLOW_DISK, Tell
from tests.crash.disk import SmallDisk, move_wal, small_disk
from tests.crash.fleet import Fleet, fleet_on
from tests.crash.machine import Machine
from tests.crash.trial import trial

FULL_SECONDS = 3.0
STOP_SECONDS = 30
HEAL_SECONDS = 30
DISK_MEGABYTES = 512
WAL_SETTINGS = {"max_wal_size": "64MB", "min_wal_size": "32MB"}
FILL_THE_LOG = "INSERT INTO filler SELECT repeat('x', 1000000) FROM generate_series(1, 20)"


@contextmanager
def place_for_all() -> Iterator[Path]:
    """A folder that the user of the bundled servers can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="gramme-disk-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def machine_on(home: Path, wal: Path, disk: SmallDisk) -> Iterator[Machine]:
    """Postgres with its log in another place than its tables; the disk is relieved before it must stop."""
    embedded = EmbeddedServers(home)
    try:
        embedded.start()
        embedded.stop()
        move_wal(embedded, wal / "pg_wal")
        embedded.start()
        yield Machine(embedded)
    finally:
        disk.relieve()
        embedded.stop()


async def until_nothing_is_taken(fleet: Fleet) -> None:
    async with asyncio.timeout(STOP_SECONDS):
        while await fleet.exchange.server.is_ready():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.crash
@pytest.mark.root
@pytest.mark.parametrize("wal_on_disk", [False, True], ids=["tables", "log"])
async def test_nothing_acknowledged_is_lost_when_the_disk_is_full(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chance: random.Random,
    times: int,
    tell: Tell,
    wal_on_disk: bool,
) -> None:
    for name, value in (SLOW_DISK | WAL_SETTINGS).items():
        monkeypatch.setitem(SETTINGS, name, value)
    with place_for_all() as place, small_disk(place / "small", DISK_MEGABYTES) as disk:
        home = place / "home" if wal_on_disk else disk.place / "home"
        with machine_on(home, disk.place if wal_on_disk else place, disk) as machine:
            async with fleet_on(machine, tmp_path) as fleet:

                async def fill() -> str:
                    disk.fill()
                    await _write_much(machine.servers.owner_url)
                    await until_nothing_is_taken(fleet)
                    acknowledged, unavailable = len(running.load.acknowledged()), running.load.unanswered["UNAVAILABLE"]
                    await asyncio.sleep(FULL_SECONDS)
                    taken = len(running.load.acknowledged()) - acknowledged
                    assert running.load.unanswered["UNAVAILABLE"] > unavailable
                    assert not wal_on_disk or taken == 0, "acknowledged without a log"
                    disk.relieve()
                    begun = time.monotonic()
                    await machine.start()
                    await fleet.until_ready(HEAL_SECONDS)
                    await running.look()
                    return f"healed after {time.monotonic() - begun:.2f} s, {taken} found room meanwhile"

                async with trial(fleet.exchange, chance, tell) as running:
                    for _ in range(times):
                        await running.strike(f"full disk of the {'log' if wal_on_disk else 'tables'}", fill)


async def _write_much(url: str) -> None:
    """What other tenants of that disk would write, so that what is left in files already made is used up."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        connection = await asyncpg.connect(url, timeout=5)
        try:
            await connection.execute("CREATE TABLE IF NOT EXISTS filler (text text STORAGE EXTERNAL)")
            for _ in range(50):
                await connection.execute(FILL_THE_LOG, timeout=10)
        finally:
            connection.terminate()
