"""The tables of a timetable (GTFS): text files in a zip, each row by the names of its columns."""

import csv
from collections.abc import Iterable, Iterator

from infra.capture.bundle import Bundle
from infra.capture.reader import Unreadable

LINE_MAX = 65_536


def tables_in(names: Iterable[str]) -> dict[str, str]:
    """The files of a feed by their names without folder; of two the one less deep."""
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (-name.count("/"), name)):
        found[name.rpartition("/")[2].lower()] = name
    return found


def rows(bundle: Bundle, table: str) -> Iterator[dict[str, str]]:
    yield from table_rows(bundle, tables_in(bundle.names)[table])


def table_rows(bundle: Bundle, name: str) -> Iterator[dict[str, str]]:
    """Rows of a CSV file of the zip by its header, in lower case; raises Unreadable where it is no table."""
    reader = csv.reader(_lines(bundle.chunks(name)), skipinitialspace=True)
    try:
        header = [cell.strip().strip("\ufeff").lower() for cell in next(reader, [])]
        for row in reader:
            if row:
                yield dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise Unreadable("DAMAGED_TABLE", f"Line {reader.line_num} of {name[:100]!r} is no row of a table.") from error


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_MAX or any(len(line) > LINE_MAX for line in whole):
            raise Unreadable("LINE_TOO_LONG", "The timetable has a line that is longer than any row.")
        for line in whole:
            yield line.decode("utf-8", "replace") + "\n"
    if rest:
        yield rest.decode("utf-8", "replace")
