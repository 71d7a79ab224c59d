"""Text files line by line: decoded, with their numbers, in flat memory; and what all formats read in them alike."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from infra.capture.reader import Unreadable

LINE_MAX_BYTES = 65_536
FIELDS_MAX = 1_000
YEARS = range(1, 9998)
"""A moment at the very ends of the calendar could not be moved into another zone."""
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_DECIMAL = re.compile(r"[+-]?(\d{1,18}(\.\d{0,24})?|\.\d{1,24})([eE][+-]?\d{1,2})?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """`is_whole` is False for a last line without a line end: the file may have been cut within it."""

    number: int
    text: str
    is_whole: bool


def lines(path: Path) -> Iterator[Line]:
    """Lines without their ends, blank ones left out. UTF-8, else Latin-1, line by line; UTF-16 where a mark says so."""
    with path.open("rb") as file:
        if file.read(2) in _UTF16:
            yield from _utf16_lines(path)
            return
        file.seek(0)
        number = 0
        while raw := file.readline(LINE_MAX_BYTES):
            number += 1
            if len(raw) == LINE_MAX_BYTES and not raw.endswith(b"\n"):
                raise _too_long(number)
            text = _decoded(raw.removeprefix(_BOM) if number == 1 else raw).strip()
            if text:
                yield Line(number, text, raw.endswith(b"\n"))


def _utf16_lines(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-16", errors="replace", newline="\n") as file:
        number = 0
        while text := file.readline(LINE_MAX_BYTES):
            number += 1
            if len(text) == LINE_MAX_BYTES and not text.endswith("\n"):
                raise _too_long(number)
            if text.strip():
                yield Line(number, text.strip(), text.endswith("\n"))


def start_of(head: bytes) -> bytes:
    """The first bytes of a file from the first one that says something: no mark of the encoding, no blanks."""
    return head.removeprefix(_BOM).lstrip()


def as_utf8(head: bytes) -> bytes:
    """The first bytes of a file, in UTF-8 where a mark says that they are UTF-16."""
    return head.decode("utf-16", errors="ignore").encode() if head.startswith(_UTF16) else head


def head_text(head: bytes) -> str:
    """The first bytes of a file as text, without its mark; what cannot be decoded is replaced."""
    encoding = "utf-16" if head.startswith(_UTF16) else "utf-8"
    return head.removeprefix(_BOM).decode(encoding, errors="replace").lstrip()


def rows(path: Path) -> Iterator[tuple[Line, list[str]]]:
    """Rows of a CSV file, each field without the blanks around it. A quoted field ends with its line."""
    for line in lines(path):
        fields = [field.strip() for field in next(csv.reader([line.text], skipinitialspace=True))]
        if len(fields) > FIELDS_MAX:
            raise Unreadable("LINE_TOO_LONG", f"Line {line.number} has more fields than any row of this format.")
        yield line, fields


def decimal(text: str) -> Decimal | None:
    """The exact number, or None where the text is not a finite one of plain ASCII digits."""
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def moment(text: str) -> datetime | None:
    """An ISO 8601 moment, aware where the text says its offset; None where there is no such moment."""
    if not _ISO.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if YEARS.start < found.year < YEARS.stop else None


def _too_long(number: int) -> Unreadable:
    return Unreadable("LINE_TOO_LONG", f"Line {number} is longer than any row of this format.")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
