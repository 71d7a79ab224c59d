"""Which reader reads a file: decided by its content, never by its name or by what a browser calls it."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path

from infra.capture import formats
from infra.capture.reader import HEAD_BYTES, Reader, Unreadable


@cache
def readers() -> tuple[Reader, ...]:
    """The `READER` of every module in `formats/`."""
    names = sorted(module.name for module in pkgutil.iter_modules(formats.__path__))
    return tuple(import_module(f"{formats.__name__}.{name}").READER for name in names)


def reader_of(path: Path) -> Reader:
    """The reader for this file; raises Unreadable, in words for the person, where there is none."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        raise Unreadable("EMPTY_FILE", "The file is empty. Download it again and send it whole.")
    for reader in readers():
        if reader.recognises(head):
            return reader
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise Unreadable(
            "WEB_PAGE", "This is a web page, most likely for signing in, and no meter data. Export the data again."
        )
    known = ", ".join(reader.name for reader in readers())
    raise Unreadable("UNKNOWN_FORMAT", f"This file is in none of the formats that can be read: {known}.")
