"""Long JSON, one item at a time: memory holds one item, numbers stay exact."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import ijson

from infra.capture.reader import Unreadable

DIGITS_MAX = 1_000
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % DIGITS_MAX)


class _Guarded:
    """The file, unless it has a run of digits that no number has: ijson 3.6's parser in C dies of more than 4,300."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._tail = b""

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        if _LONG_NUMBER.search(self._tail + chunk):
            raise Unreadable("ABSURD_NUMBER", "The file has a number that is longer than any measurement.")
        self._tail = (self._tail + chunk)[-DIGITS_MAX:]
        return chunk


def items_in(path: Path, prefix: str) -> Iterator[Any]:
    """The values at an ijson prefix such as `item` or `semanticSegments.item`; Unreadable where it is no JSON."""
    try:
        with path.open("rb") as file:
            if file.read(3) != b"\xef\xbb\xbf":
                file.seek(0)
            yield from ijson.items(_Guarded(file), prefix)
    except (ijson.JSONError, ValueError, ArithmeticError, UnicodeError) as error:
        raise Unreadable("DAMAGED_JSON", "The file is damaged or was cut short: its JSON does not end.") from error


def inside(value: Any, *names: str) -> Any:
    """What lies at this path of names; None where a step of it is no object or has no such name."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(value: Any) -> str:
    """A text or number as text, everything else as nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return str(value)[:200]
