"""A zip with one file in it becomes that file; a zip that is a format by itself stays a zip; every other is refused.

Names inside are never used as paths. What is unpacked is counted while it is written, whatever the zip says of its
size.
"""

import zipfile
from pathlib import Path

from infra.capture.bundle import DAMAGES, ZIP_SIGNATURES, check_bundle, check_growth, check_member, files_in
from infra.capture.reader import Unreadable
from infra.capture.registry import is_bundle

EXPANDED_MAX_BYTES = 256 * 2**20
_CHUNK_BYTES = 2**16


def unpacked(path: Path, target: Path) -> Path:
    """`path` itself, or `target` with the one file that the zip at `path` holds; raises Unreadable."""
    with path.open("rb") as file:
        if file.read(4) not in ZIP_SIGNATURES:
            return path
    try:
        with zipfile.ZipFile(path) as archive:
            files = files_in(archive)
            packed_bytes = path.stat().st_size
            if is_bundle([member.filename for member in files]):
                check_bundle(archive, packed_bytes)
                return path
            if len(files) != 1:
                raise Unreadable("BAD_ZIP", f"The zip file holds {len(files)} files. Send a zip with exactly one.")
            check_member(files[0])
            check_growth(files[0].file_size, packed_bytes, EXPANDED_MAX_BYTES)
            _expand(archive, files[0], target)
    except DAMAGES as error:
        raise Unreadable("BAD_ZIP", "The zip file is damaged or of a kind that cannot be opened.") from error
    return target


def _expand(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    written = 0
    with archive.open(member) as packed, target.open("wb") as file:
        while chunk := packed.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > member.file_size:
                raise Unreadable("BAD_ZIP", "The zip file is larger than it says.")
            file.write(chunk)
