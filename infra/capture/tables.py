"""Reads a text table whose writer is not known: encoding, delimiter and the row of headers come from the content.

Rows come one by one with their line numbers. A cell is text, whatever it starts with: nothing is ever worked out.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.capture.reader import HEAD_BYTES, Unreadable

DELIMITERS = (",", ";", "\t", "|")
COLUMNS_MAX = 200
LINE_MAX = 65_536
PREAMBLE_LINES_MAX = 30
_BINARY = bytes(code for code in range(32) if code not in b"\t\n\r\f\x0b\x1a")


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the rows after the headers, which stand in the row numbered `header_row` from 0."""

    wide: bool
    delimiter: str
    header_row: int
    headers: tuple[str, ...]


def layout_of(head: bytes, fits: Callable[[Sequence[str]], bool]) -> Layout | None:
    """The layout in which some of the first rows are headers that fit; None where there is none. Never raises."""
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not wide and any(byte in _BINARY for byte in head):
        return None
    text = head.decode("utf-16", "ignore") if wide else text_of(head)
    for delimiter in DELIMITERS:
        for index, row in enumerate(_first_rows(text, delimiter)):
            headers = tuple(normal(cell) for cell in row)
            if 1 < len(headers) <= COLUMNS_MAX and fits(headers):
                return Layout(wide, delimiter, index, headers)
    return None


def text_of(raw: bytes) -> str:
    """UTF-8, else Windows-1252, in which any byte has a letter or is replaced."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def normal(header: str) -> str:
    """A header for comparison: lower case, single blanks, no quotes or marks around it."""
    return " ".join(header.replace("\ufeff", "").strip().strip('"').casefold().split())


def _first_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    lines = text.splitlines(keepends=True)[: PREAMBLE_LINES_MAX + 1]
    try:
        yield from csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter)
    except csv.Error:
        return


def rows(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """The rows after the headers with the line where each ends, without blank ones; raises Unreadable."""
    reader = csv.reader(_lines(path, layout.wide), delimiter=layout.delimiter)
    try:
        for index, row in enumerate(reader):
            if index > layout.header_row and any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise Unreadable("DAMAGED_TABLE", f"Line {reader.line_num} is no row of a table.") from error


def _lines(path: Path, wide: bool) -> Iterator[str]:
    """Lines with their ends, decoded one by one: files are joined from pieces of two encodings."""
    with path.open("rb") if not wide else path.open(encoding="utf-16", errors="replace", newline="") as file:
        number = 0
        while line := file.readline(LINE_MAX):
            number += 1
            if len(line) == LINE_MAX:
                raise Unreadable("LINE_TOO_LONG", f"Line {number} is longer than any row of a table.")
            yield line if isinstance(line, str) else text_of(line)


def ends_whole(path: Path, layout: Layout) -> bool:
    """True where the last line has an end: without one the file may have been cut within it."""
    with path.open("rb") as file:
        file.seek(-min(4, path.stat().st_size), 2)
        end = file.read()
    return end.rstrip(b"\0 \x1a").endswith((b"\n", b"\r")) if layout.wide else end.endswith((b"\n", b"\r", b"\x1a"))


def read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
