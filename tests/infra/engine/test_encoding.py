"""Arrays as the writer sends them come back from Postgres as what they were."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.orders.model import OrderSide
from infra.engine.encoding import array, lines
from infra.postgres.connection import Connection

TEXTS = [
    "plain",
    "",
    "null",
    "NULL",
    '"',
    "\\",
    '\\"',
    "\\n",
    "a,b",
    "{}",
    "\n\r\t\b\f",
    "\x01\x1f\x7f",
    "é €  🙂",
    " ",
    None,
]


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("bigint", [0, -1, 2**63 - 1, -(2**63), None]),
        ("smallint", []),
        ("boolean", [True, False, None]),
        ("text", TEXTS),
        ("uuid", [UUID(int=0), UUID(int=2**128 - 1), None]),
        ("timestamptz", [datetime(2026, 10, 1, 12, 0, 0, 123_456, UTC), None]),
    ],
)
async def test_an_array_comes_back_as_it_was(app: Connection, type_: str, values: Sequence[object]) -> None:
    for form in (values, tuple(values)):
        assert await app.fetchval(f"SELECT $1::text::{type_}[]", array(form)) == list(values)


async def test_the_words_of_an_enumeration_are_texts(app: Connection) -> None:
    assert await app.fetchval("SELECT $1::text::text[]", array([OrderSide.BUY, OrderSide.SELL])) == ["BUY", "SELL"]


async def test_a_number_that_no_column_holds_is_refused() -> None:
    with pytest.raises(TypeError):
        array([2**64])


async def test_lines_come_back_as_texts(app: Connection) -> None:
    for texts in ([], ['{"a":"\\\\n"}', "[]"]):
        assert await app.fetchval(r"SELECT string_to_array($1::text, E'\n')", lines(texts)) == texts
