"""Numbers, times and cursors at the border of the system, checked on the way in and on the way out.

A refused value is a GraphQL error with extensions.code BAD_USER_INPUT, in variables and in literals alike.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from domain.units import Grams, MinorUnits, is_outside_integer

Amount = NewType("Amount", int)
SequenceNumber = NewType("SequenceNumber", int)
Cursor = NewType("Cursor", str)
DecimalText = NewType("DecimalText", str)
"""A `Decimal` on its way in: text that nobody has judged yet."""

DECIMAL_LENGTH = 64

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _refused(expected: str) -> GraphQLError:
    return GraphQLError(f"Expected {expected}.", extensions={"code": "BAD_USER_INPUT"})


def _read_integer(value: Any) -> int:
    if not is_outside_integer(value):
        raise _refused("an integer within plus or minus 9007199254740991, not a string or a float")
    return int(value)


def _show_integer(value: Any) -> int:
    if not is_outside_integer(value):
        raise OverflowError(f"{value!r} cannot leave the system as a JSON integer")
    return int(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise _refused("a string")
    return value


def _read_decimal(value: Any) -> str:
    if not isinstance(value, str) or len(value) > DECIMAL_LENGTH:
        raise _refused(f"a decimal as a string of at most {DECIMAL_LENGTH} characters")
    return value


def _show_decimal(value: Decimal) -> str:
    return format(value, "f")


def _read_date(value: Any) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _refused("a date such as 2026-01-31")


def _read_date_time(value: Any) -> datetime:
    try:
        if isinstance(value, str) and _DATE_TIME.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _refused("an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z")


def _show_date_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _integer(name: str, description: str | None = None) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=_show_integer, parse_value=_read_integer)


_DECIMAL = strawberry.scalar(
    name="Decimal",
    description="An exact decimal as a JSON string, never a float.",
    serialize=_show_decimal,
    parse_value=_read_decimal,
)

SCALARS: dict[object, ScalarDefinition] = {
    Grams: _integer("Grams", "Mass in integer grams of CO2e, within plus or minus 2^53 - 1."),
    MinorUnits: _integer("MinorUnits", "Money in integer minor units, within plus or minus 2^53 - 1."),
    Amount: _integer("Amount", "Integer in the asset's own unit: minor units of money, grams, or points."),
    SequenceNumber: _integer("Sequence", "Counter, a JSON integer up to 2^53 - 1."),
    Decimal: _DECIMAL,
    DecimalText: _DECIMAL,
    Cursor: strawberry.scalar(
        name="Cursor", description="A place in a list, opaque.", serialize=str, parse_value=_read_text
    ),
    date: strawberry.scalar(
        name="Date", description="A day: 2026-01-31.", serialize=date.isoformat, parse_value=_read_date
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 with an offset, shown in UTC with Z.",
        serialize=_show_date_time,
        parse_value=_read_date_time,
    ),
}
