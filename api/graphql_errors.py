"""What the outside is told of an error: its code; of a fault of ours an id that the log has too, and nothing else."""

import logging
import secrets
from collections.abc import Iterable
from typing import Any

from graphql import GraphQLError, VariableDefinitionNode
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from api.middleware import request_id
from domain.errors import DomainError, Internal, Unavailable
from infra.postgres.connection import is_unavailable
from schema.documents import without_suggestion
from schema.errors import extensions_of

logger = logging.getLogger("gramme.graphql")


def told(errors: Iterable[GraphQLError], suggestions: bool) -> list[GraphQLError]:
    """The same errors as the caller may see them."""
    return [_told(error, suggestions) for error in errors]


def error_of(error: Exception) -> GraphQLError:
    """Of an exception that stopped a request outside any field."""
    if isinstance(error, GraphQLError):
        return _told(error, suggestions=False)
    return _told(GraphQLError(str(error), original_error=error), suggestions=False)


def _told(error: GraphQLError, suggestions: bool) -> GraphQLError:
    innermost = error
    while isinstance(innermost.original_error, GraphQLError):
        innermost = innermost.original_error
    cause = innermost.original_error
    message, extensions = error.message, error.extensions or innermost.extensions
    if isinstance(cause, Internal):
        message, extensions = _fault(cause.message, error, cause)
    elif isinstance(cause, DomainError):
        message, extensions = cause.message, extensions_of(cause)
    elif extensions and "code" in extensions:
        pass
    elif _is_about_input(error, innermost, cause):
        extensions = {"code": "BAD_USER_INPUT"}
    elif cause is not None and _is_passing(cause):
        message, extensions = Unavailable().message, {"code": Unavailable.code}
    else:
        message, extensions = _fault("This request failed because of a fault of ours.", error, cause or innermost)
    if not suggestions:
        message = without_suggestion(message)
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, extensions=extensions)


def _is_about_input(error: GraphQLError, innermost: GraphQLError, cause: BaseException | None) -> bool:
    """True for a variable, or an argument made of one, that its type refuses.

    graphql-core reports variables before any field runs, at their definition, and arguments at the field that has them.
    """
    nodes = innermost.nodes or error.nodes or ()
    if error.path is None:
        return any(isinstance(node, VariableDefinitionNode) for node in nodes)
    return cause is None and innermost is not error and bool(innermost.nodes)


def _is_passing(cause: BaseException) -> bool:
    return is_unavailable(cause) or isinstance(cause, RedisConnectionError | RedisTimeoutError)


def _fault(message: str, error: GraphQLError, cause: BaseException) -> tuple[str, dict[str, Any]]:
    fault_id = secrets.token_hex(8)
    where = ".".join(map(str, error.path or ()))
    logger.error("fault %s in request %s at %s", fault_id, request_id.get(), where or "its start", exc_info=cause)
    return message, {"code": Internal.code, "id": fault_id}
