"""A small disk of its own for a test: a tmpfs that can be filled to the last byte and emptied again. Needs root."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from infra.embedded import EmbeddedServers

BALLAST = "ballast"
BLOCK = bytes(2**20)


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator["SmallDisk"]:
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(place)], check=True)
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class SmallDisk:
    def __init__(self, place: Path) -> None:
        self.place = place

    def fill(self) -> None:
        """Not a byte is left."""
        with open(self.place / BALLAST, "wb", buffering=0) as file, contextlib.suppress(OSError):
            for block in (BLOCK, bytes(4_096)):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(block)

    def relieve(self) -> None:
        (self.place / BALLAST).unlink(missing_ok=True)


def move_wal(servers: EmbeddedServers, place: Path) -> None:
    """Puts the write-ahead log of a stopped cluster elsewhere."""
    data = servers.home.postgres
    owner = data.stat()
    shutil.move(data / "pg_wal", place)
    (data / "pg_wal").symlink_to(place)
    for folder, _, files in os.walk(place):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, owner.st_uid, owner.st_gid)
