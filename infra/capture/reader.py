"""What a file format has to offer: one module in `formats/` with a `READER` is a whole new format."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from domain.footprint.checks import Item

HEAD_BYTES = 65_536
RECORDS_MAX = 1_000_000


class Unreadable(Exception):
    """Nothing of this file can be used. `reason` is for the person who sent it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Reader(Protocol):
    """Reports what a file says and judges nothing: that is for `domain/footprint/checks.py`."""

    name: str
    description: str
    """What it is and where people get it, for the list of formats."""
    file_kinds: tuple[str, ...]
    """Endings that such files usually have. For people: what decides is the content."""

    def recognises(self, head: bytes) -> bool:
        """True where the first HEAD_BYTES of a file look like this format. Must never raise."""
        ...

    def read(self, path: Path) -> Iterator[Item]:
        """Readings and records in the order of the file, in flat memory.

        Raises Unreadable, or whatever its parser raises.
        """
        ...
