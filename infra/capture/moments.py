"""Times as files write them: ISO 8601, with an offset or without one."""

import re
from copy import copy
from datetime import UTC, datetime, tzinfo
from typing import Self

YEARS = range(2, 9998)
"""A moment at the very ends of the calendar could not be moved into another zone, nor a day later."""
_FORM = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,12})?)? ?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)


class LocalReader:
    """Base of readers of files whose times may have no offset: they are local time of the person who sent them."""

    zone: tzinfo = UTC

    def in_zone(self, zone: tzinfo) -> Self:
        reader = copy(self)
        reader.zone = zone
        return reader


def moment(text: str, zone: tzinfo) -> datetime | None:
    """In UTC, or None where the text is no time that exists. Without an offset it is local time in `zone`."""
    text = text.strip()
    if not _FORM.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
        if found.year not in YEARS:
            return None
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        local = found.replace(tzinfo=zone)
        at = local.astimezone(UTC)
        return at if at.astimezone(zone).replace(tzinfo=None) == found else None
    except (ValueError, OverflowError):
        return None


def has_offset(text: str) -> bool:
    form = _FORM.fullmatch(text.strip())
    return form is not None and form.group(3) is not None
