"""What is told of each kind of error, and what is not."""

import logging

import asyncpg
import pytest
from graphql import GraphQLError
from redis.exceptions import ConnectionError as RedisConnectionError

from api.graphql_errors import error_of, told
from domain import errors


def raised(cause: Exception) -> GraphQLError:
    """As graphql-core wraps what a resolver raised."""
    return GraphQLError(str(cause), path=["viewer", "wallet"], original_error=cause)


@pytest.mark.parametrize(
    ("cause", "extensions"),
    [
        (errors.Unauthenticated(), {"code": "UNAUTHENTICATED"}),
        (errors.Forbidden(), {"code": "FORBIDDEN"}),
        (errors.InvalidCursor(), {"code": "INVALID_CURSOR"}),
        (errors.Resync(), {"code": "RESYNC"}),
        (errors.Unavailable(), {"code": "UNAVAILABLE"}),
        (errors.TooManyRequests(retry_after_seconds=7), {"code": "RATE_LIMITED", "retryAfterSeconds": 7}),
        (errors.Overloaded(retry_after_seconds=2), {"code": "UNAVAILABLE", "retryAfterSeconds": 2}),
        (errors.InvalidInput("No.", field="first"), {"code": "BAD_USER_INPUT", "field": "first"}),
        (errors.InvalidInput("No."), {"code": "BAD_USER_INPUT"}),
        (errors.NotFound("No."), {"code": "BAD_USER_INPUT"}),
        (ConnectionRefusedError("10.0.0.7:5432"), {"code": "UNAVAILABLE"}),
        (TimeoutError(), {"code": "UNAVAILABLE"}),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), {"code": "UNAVAILABLE"}),
        (asyncpg.CannotConnectNowError("the database system is starting up"), {"code": "UNAVAILABLE"}),
        (RedisConnectionError("10.0.0.8:6379"), {"code": "UNAVAILABLE"}),
        (GraphQLError("own words", extensions={"code": "BAD_USER_INPUT"}), {"code": "BAD_USER_INPUT"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_foreseen_error_has_its_code(cause: Exception, extensions: dict[str, object]) -> None:
    (error,) = told([raised(cause)], suggestions=False)
    assert error.extensions == extensions
    assert error.path == ["viewer", "wallet"]
    assert "10.0.0" not in error.message
    assert error.original_error is None


@pytest.mark.parametrize(
    "cause",
    [
        ZeroDivisionError("integer division or modulo by zero"),
        KeyError("secret"),
        asyncpg.UndefinedTableError('relation "secret" does not exist'),
        TypeError("Cannot return null for non-nullable field secret"),
        GraphQLError("secret"),
        errors.Internal(),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_a_fault_is_masked_and_logged_under_its_id(cause: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        (error,) = told([raised(cause)], suggestions=True)
    assert error.extensions is not None
    assert error.extensions["code"] == "INTERNAL"
    (record,) = caplog.records
    assert error.extensions["id"] in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is cause
    assert "fault of ours" in error.message
    assert "secret" not in error.message
    assert "modulo" not in error.message


def test_each_fault_has_an_id_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    ids = {(error_of(ValueError("x")).extensions or {})["id"] for _ in range(100)}
    assert len(ids) == 100


def test_suggestions_are_for_development() -> None:
    error = GraphQLError("No field 'nam'. Did you mean 'name'?", extensions={"code": "BAD_USER_INPUT"})
    assert told([error], suggestions=True)[0].message == "No field 'nam'. Did you mean 'name'?"
    assert told([error], suggestions=False)[0].message == "No field 'nam'."
