"""One GraphQL request as it came in, over HTTP or a socket: JSON that is really text and numbers, or a refusal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLError


class OperationRequest(NamedTuple):
    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


class BadRequest(Exception):
    """Not a GraphQL request at all (HTTP status 400); `error` has its code."""

    def __init__(self, message: str, code: str = "BAD_USER_INPUT") -> None:
        super().__init__(message)
        self.error = GraphQLError(message, extensions={"code": code})


def read_json(text: bytes) -> Any:
    """Refuses NaN, infinities, halves of surrogate pairs, NUL characters and nesting beyond 1,024 levels."""
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequest("The request is not valid JSON.") from None
    if b"\\u0000" in text and _has_nul(data):
        raise BadRequest("Text has no NUL characters.")
    return data


def operation_request(data: object) -> OperationRequest:
    """Raises BadRequest where the JSON value is no request for one operation."""
    if isinstance(data, list):
        raise BadRequest("Send one operation in one request.", "DOCUMENT_REFUSED")
    if not isinstance(data, Mapping):
        raise BadRequest("A request is a JSON object with `query` and, where needed, `variables`.")
    query, variables, name = data.get("query"), data.get("variables"), data.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("`query` is missing: it holds the GraphQL document as a string.", "DOCUMENT_REFUSED")
    if not isinstance(variables, dict | None):
        raise BadRequest("`variables` is a JSON object.")
    if not isinstance(name, str | None):
        raise BadRequest("`operationName` is a string.")
    return OperationRequest(query, variables, name or None)


def _has_nul(data: object) -> bool:
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and "\0" in value:
            return True
        if isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False
