"""A zip with one file in it becomes that file; every other zip is refused before much of it is unpacked.

Names inside are never used as paths. What is unpacked is counted while it is written, whatever the zip says of its
size.
"""

import zipfile
import zlib
from pathlib import Path

from infra.capture.reader import Unreadable

EXPANDED_MAX_BYTES = 256 * 2**20
RATIO_MAX = 200
RATIO_FREE_BYTES = 2**20
"""A small file of zeros packs better than any ratio; up to this size it does no harm."""
MEMBERS_MAX = 20
_CHUNK_BYTES = 2**16
_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED = 0x1
_COMPANIONS = ("__MACOSX/", ".DS_Store")


def unpacked(path: Path, target: Path) -> Path:
    """`path` itself, or `target` with the one file that the zip at `path` holds; raises Unreadable."""
    with path.open("rb") as file:
        if file.read(4) not in _SIGNATURES:
            return path
    try:
        with zipfile.ZipFile(path) as archive:
            member = _only_member(archive, path.stat().st_size)
            _expand(archive, member, target)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        raise Unreadable("BAD_ZIP", "The zip file is damaged or of a kind that cannot be opened.") from error
    return target


def _only_member(archive: zipfile.ZipFile, packed_bytes: int) -> zipfile.ZipInfo:
    entries = archive.infolist()
    if len(entries) > MEMBERS_MAX:
        raise Unreadable("BAD_ZIP", f"The zip file holds {len(entries)} files. Send them one by one.")
    files = [entry for entry in entries if not entry.is_dir() and not _is_companion(entry.filename)]
    if len(files) != 1:
        raise Unreadable("BAD_ZIP", f"The zip file holds {len(files)} files. Send a zip with exactly one.")
    member = files[0]
    if member.flag_bits & _ENCRYPTED:
        raise Unreadable("BAD_ZIP", "The zip file is protected by a password. Unpack it and send what is inside.")
    if member.filename.startswith(("/", "\\")) or ".." in member.filename.replace("\\", "/").split("/"):
        raise Unreadable("BAD_ZIP", "The zip file names a place outside of itself. Unpack it and send what is inside.")
    allowed = max(RATIO_FREE_BYTES, packed_bytes * RATIO_MAX)
    if member.file_size > min(EXPANDED_MAX_BYTES, allowed):
        raise Unreadable("BAD_ZIP", "The zip file grows too large when it is unpacked.")
    return member


def _is_companion(name: str) -> bool:
    return name.startswith(_COMPANIONS[0]) or name.rpartition("/")[2] == _COMPANIONS[1]


def _expand(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    written = 0
    with archive.open(member) as packed, target.open("wb") as file:
        while chunk := packed.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > member.file_size:
                raise Unreadable("BAD_ZIP", "The zip file is larger than it says.")
            file.write(chunk)
