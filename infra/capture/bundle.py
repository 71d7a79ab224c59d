"""Zips that are a format by themselves: several files that belong together, read in place and never unpacked to disk.

What may be done to a zip by its maker is bounded before anything is read: the number of files, their size, how far they
grow, names that lead outside, passwords. What comes out is counted while it is read, whatever the zip says of its size.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from infra.capture.reader import Unreadable

ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
LISTING = b"PK names\n"
"""How the head of a zip of several files begins, as a reader sees it; then follows a name a line."""
FILES_MAX = 20_000
EXPANDED_MAX_BYTES = 2 * 2**30
RATIO_MAX = 200
RATIO_FREE_BYTES = 2**20
"""A small file of zeros packs better than any ratio; up to this size it does no harm."""
CHUNK_BYTES = 2**20
DAMAGES = (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, OSError, UnicodeError, zlib.error)
"""What zipfile raises over a zip that is broken or of a kind that it does not know."""
_ENCRYPTED = 0x1
_COMPANIONS = ("__MACOSX/", ".DS_Store")


def files_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files, without folders and what a Mac adds."""
    return [entry for entry in archive.infolist() if not entry.is_dir() and not _is_companion(entry.filename)]


def _is_companion(name: str) -> bool:
    return name.startswith(_COMPANIONS[0]) or name.rpartition("/")[2] == _COMPANIONS[1]


def check_member(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise Unreadable("BAD_ZIP", "The zip file is protected by a password. Unpack it and send what is inside.")
    if member.filename.startswith(("/", "\\")) or ".." in member.filename.replace("\\", "/").split("/"):
        raise Unreadable("BAD_ZIP", "The zip file names a place outside of itself. Unpack it and send what is inside.")


def check_growth(expanded_bytes: int, packed_bytes: int, limit: int) -> None:
    if expanded_bytes > min(limit, max(RATIO_FREE_BYTES, packed_bytes * RATIO_MAX)):
        raise Unreadable("BAD_ZIP", "The zip file grows too large when it is unpacked.")


def check_bundle(archive: zipfile.ZipFile, packed_bytes: int) -> None:
    entries = archive.infolist()
    if len(entries) > FILES_MAX:
        raise Unreadable("BAD_ZIP", f"The zip file holds {len(entries)} files, more than can be read at once.")
    for member in entries:
        check_member(member)
    check_growth(sum(member.file_size for member in entries), packed_bytes, EXPANDED_MAX_BYTES)


class Bundle:
    """An open zip of several files. Every way out of it is bounded; raises Unreadable where the zip is damaged."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = {member.filename: member for member in files_in(archive)}
        self._open: list[IO[bytes]] = []

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def size(self, name: str) -> int:
        return self._members[name].file_size

    def chunks(self, name: str) -> Iterator[bytes]:
        member = self._members[name]
        left = member.file_size
        try:
            packed = self._archive.open(member)
            self._open.append(packed)
            while chunk := packed.read(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise Unreadable("BAD_ZIP", "The zip file is larger than it says.")
                yield chunk
            packed.close()
            self._open.remove(packed)
        except DAMAGES as error:
            raise _damaged() from error

    def close(self) -> None:
        """Closes what was not read to its end."""
        for packed in self._open:
            packed.close()


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGES as error:
        raise _damaged() from error
    with archive:
        check_bundle(archive, path.stat().st_size)
        with closing(Bundle(archive)) as bundle:
            yield bundle


def _damaged() -> Unreadable:
    return Unreadable("BAD_ZIP", "The zip file is damaged or of a kind that cannot be opened.")
