"""JSON of strangers: numbers are exact, and what other programs would read differently is refused.

Refused are NaN and Infinity, numbers of absurd length, a key that stands twice in one object, and nesting that no
record needs.
"""

import json
import re
from decimal import Decimal
from typing import Any

from infra.capture.reader import Unreadable

NUMBER_DIGITS_MAX = 40
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)


def parsed(raw: bytes) -> Any:
    """The value of a whole text; raises Unreadable."""
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise Unreadable("WRONG_ENCODING", "The file is not in UTF-8, as JSON has to be.") from error
    except RecursionError as error:
        raise Unreadable("TOO_DEEP", "The file is nested deeper than any record needs.") from error
    except ValueError as error:
        raise Unreadable("DAMAGED_JSON", "The file is damaged: it is not complete JSON.") from error


def number_in(value: object) -> Decimal | None:
    """A plain finite number, or one written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**15 else None
    if isinstance(value, Decimal):
        value = format(value, "f") if -15 <= value.adjusted() <= 15 else ""
    return Decimal(value.strip()) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else None


def _decimal(text: str) -> Decimal:
    if len(text) > NUMBER_DIGITS_MAX:
        raise Unreadable("ABSURD_NUMBER", "The file has a number that is longer than any measurement.")
    return Decimal(text)


def _integer(text: str) -> int:
    if len(text) > NUMBER_DIGITS_MAX:
        raise Unreadable("ABSURD_NUMBER", "The file has a number that is longer than any measurement.")
    return int(text)


def _constant(text: str) -> None:
    raise Unreadable("NOT_A_NUMBER", f"The file has {text} in place of a number.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Unreadable("DUPLICATE_KEY", "The file gives one field twice in the same record.")
    return values
