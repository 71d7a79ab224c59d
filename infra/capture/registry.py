"""Which reader reads a file: decided by its content, never by its name or by what a browser calls it.

What a zip of several files is, is told by the names inside: its head, as readers see it, is `listing_of` those names.
"""

import pkgutil
import zipfile
from collections.abc import Iterable
from datetime import UTC, tzinfo
from functools import cache
from importlib import import_module
from pathlib import Path

from domain.footprint.model import ImportFormat
from infra.capture import formats
from infra.capture.bundle import DAMAGES, LISTING, ZIP_SIGNATURES, files_in
from infra.capture.moments import LocalReader
from infra.capture.reader import HEAD_BYTES, Reader, Unreadable


@cache
def readers() -> tuple[Reader, ...]:
    """The `READER` of every module in `formats/`."""
    names = sorted(module.name for module in pkgutil.iter_modules(formats.__path__))
    return tuple(import_module(f"{formats.__name__}.{name}").READER for name in names)


def import_formats() -> tuple[ImportFormat, ...]:
    """Every format that can be read, by name."""
    listed = (ImportFormat(reader.name, reader.description, reader.file_kinds) for reader in readers())
    return tuple(sorted(listed, key=lambda item: item.name))


def reader_of(path: Path, zone: tzinfo = UTC) -> Reader:
    """The reader for this file of a person in this zone; raises Unreadable, in words for the person, for none."""
    head = _head(path)
    if not head.strip():
        raise Unreadable("EMPTY_FILE", "The file is empty. Download it again and send it whole.")
    for reader in readers():
        if reader.recognises(head):
            return reader.in_zone(zone) if isinstance(reader, LocalReader) else reader
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Unreadable(
            "WEB_PAGE", "This is a web page, most likely for signing in, and no meter data. Export the data again."
        )
    known = ", ".join(reader.name for reader in readers())
    raise Unreadable("UNKNOWN_FORMAT", f"This file is in none of the formats that can be read: {known}.")


def listing_of(names: Iterable[str]) -> bytes:
    """What a zip of these files shows of itself to `Reader.recognises`: a first line of LISTING, then a name a line."""
    return LISTING + "\n".join(names).encode(errors="replace")


def is_bundle(names: Iterable[str]) -> bool:
    """True where a zip of these files is a format by itself."""
    head = listing_of(names)
    return any(reader.recognises(head) for reader in readers())


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head[:4] not in ZIP_SIGNATURES:
        return head
    try:
        with zipfile.ZipFile(path) as archive:
            return listing_of(member.filename for member in files_in(archive))
    except DAMAGES:
        return head
