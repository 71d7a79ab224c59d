"""What each scalar takes and refuses, as a variable and as a literal, and how it shows what comes out."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig

from domain.units import Grams, MinorUnits
from schema.scalars import SCALARS, Amount, Cursor, DecimalText, SequenceNumber

MOST = 9007199254740991


@strawberry.type
class Query:
    """Shows what a resolver would be given."""

    @strawberry.field
    def grams(self, value: Grams) -> str:
        return repr(value)

    @strawberry.field
    def minor_units(self, value: MinorUnits) -> str:
        return repr(value)

    @strawberry.field
    def amount(self, value: Amount) -> str:
        return repr(value)

    @strawberry.field
    def sequence(self, value: SequenceNumber) -> str:
        return repr(value)

    @strawberry.field
    def decimal(self, value: DecimalText) -> str:
        return repr(value)

    @strawberry.field
    def date_time(self, value: datetime) -> str:
        return value.isoformat()

    @strawberry.field
    def date(self, value: date) -> str:
        return repr(value)

    @strawberry.field
    def cursor(self, value: Cursor) -> str:
        return repr(value)


schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))
INTEGERS = {"grams": "Grams", "minorUnits": "MinorUnits", "amount": "Amount", "sequence": "Sequence"}
FIELDS = {**INTEGERS, "decimal": "Decimal", "dateTime": "DateTime", "date": "Date", "cursor": "Cursor"}


def variable(field: str, value: Any) -> Any:
    return schema.execute_sync(
        f"query ($value: {FIELDS[field]}!) {{ {field}(value: $value) }}", variable_values={"value": value}
    )


def literal(field: str, text: str) -> Any:
    return schema.execute_sync(f"{{ {field}(value: {text}) }}")


@pytest.mark.parametrize("field", INTEGERS)
@pytest.mark.parametrize("number", [0, -1, 1, MOST, -MOST])
def test_integers_pass_up_to_what_every_json_reader_keeps(field: str, number: int) -> None:
    assert variable(field, number).data == {field: str(number)}
    assert literal(field, str(number)).data == {field: str(number)}


@pytest.mark.parametrize("field", INTEGERS)
@pytest.mark.parametrize("value", [MOST + 1, -MOST - 1, True, False, 1.0, 1e3, "1", float("nan"), [1], {}])
def test_other_variables_are_refused_as_integers(field: str, value: object) -> None:
    assert codes(variable(field, value)) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("field", INTEGERS)
@pytest.mark.parametrize("text", ["9007199254740992", "1.0", "1e3", '"1"', "true", "[1]", "{}", "ONE", "9" * 5000])
def test_other_literals_are_refused_as_integers(field: str, text: str) -> None:
    assert codes(literal(field, text)) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("text", ["1", "-0.10", "1e999", "NaN", "twelve", "", "x" * 64])
def test_a_decimal_is_any_short_text(text: str) -> None:
    assert variable("decimal", text).data == {"decimal": repr(text)}


@pytest.mark.parametrize("value", [1, 1.5, True, "x" * 65])
def test_a_decimal_is_no_number_and_no_long_text(value: object) -> None:
    assert codes(variable("decimal", value)) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00+08:00", "2026-01-31T04:00:00+00:00"),
        ("2026-01-31T12:00:00.5-00:30", "2026-01-31T12:30:00.500000+00:00"),
    ],
)
def test_a_time_with_an_offset_becomes_utc(text: str, moment: str) -> None:
    assert variable("dateTime", text).data == {"dateTime": moment}


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00",
        "2026-01-31",
        "2026-01-31 12:00:00Z",
        "2026-02-30T12:00:00Z",
        "20260131T120000Z",
        "2026-01-31T12:00Z",
        "2026-01-31T24:00:01Z",
        "0001-01-01T00:00:00+14:00",
        "2026-01-31T12:00:00+25:00",
        "٢٠٢٦-01-31T12:00:00Z",
        1769860800,
    ],
)
def test_other_times_are_refused(value: object) -> None:
    assert codes(variable("dateTime", value)) == ["BAD_USER_INPUT"]


def test_a_date_is_a_date() -> None:
    assert variable("date", "2026-01-31").data == {"date": "datetime.date(2026, 1, 31)"}


@pytest.mark.parametrize("value", ["2026-02-30", "20260131", "2026-W05-6", "2026-01-31T00:00:00Z", 20260131])
def test_other_dates_are_refused(value: object) -> None:
    assert codes(variable("date", value)) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("value", [1, True, ["a"]])
def test_a_cursor_is_a_string(value: object) -> None:
    assert codes(variable("cursor", value)) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (Grams, 5, 5),
        (Decimal, Decimal("1E+3"), "1000"),
        (Decimal, Decimal("0.00000012"), "0.00000012"),
        (Decimal, Decimal("1.50"), "1.50"),
        (datetime, datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=8))), "2026-01-31T04:00:00Z"),
        (datetime, datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC), "2026-01-31T12:00:00.000005Z"),
        (date, date(2026, 1, 31), "2026-01-31"),
    ],
)
def test_what_comes_out_is_shown_plainly(kind: object, value: object, shown: object) -> None:
    serialize = SCALARS[kind].serialize
    assert serialize is not None
    assert serialize(value) == shown


@pytest.mark.parametrize("value", [MOST + 1, 1.0, True, "1"])
def test_no_integer_leaves_that_could_not_come_in(value: object) -> None:
    serialize = SCALARS[Grams].serialize
    assert serialize is not None
    with pytest.raises(OverflowError):
        serialize(value)


def codes(result: Any) -> list[str]:
    assert result.data is None
    return [error.extensions.get("code") for error in result.errors]
