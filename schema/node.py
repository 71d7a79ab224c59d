"""Opaque ids of things, and how a thing is found by one.

An id is the base64url of "<Type>:<key>". Finders return what the caller may see: None for what is not there and for
what is somebody else's, which are never told apart.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import strawberry

from domain.errors import NotFound
from domain.ids import client_key
from domain.text import is_storable
from schema.context import RequestContext

Thing = TypeVar("Thing")
GraphQLType = TypeVar("GraphQLType", bound=type)
Finder = Callable[[RequestContext, str], Awaitable[Any]]
FinderType = TypeVar("FinderType", bound=Finder)

_FINDERS: dict[str, Finder] = {}


@strawberry.interface
class Node:
    id: strawberry.ID


def represents(
    domain_class: type[Thing], *, key: Callable[[Thing], object] | None = None
) -> Callable[[GraphQLType], GraphQLType]:
    """Class decorator, below `strawberry.type`: objects of this domain class resolve as this type.

    `key` is what follows the type's name in the id of a node.
    """

    def mark(cls: GraphQLType) -> GraphQLType:
        cls.is_type_of = staticmethod(lambda thing, _info: isinstance(thing, domain_class))  # type: ignore[attr-defined]
        if key is not None:
            cls.id = strawberry.field(resolver=_id_resolver(cls.__name__, key))  # type: ignore[attr-defined]
        return cls

    return mark


def _id_resolver(type_name: str, key: Callable[[Thing], object]) -> Callable[[Any], strawberry.ID]:
    def resolve(thing: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(to_base64(f"{type_name}:{key(thing)}"))

    return resolve


def finds(type_name: str) -> Callable[[FinderType], FinderType]:
    """Decorator of the function that finds a node of this type by its key, for this caller."""

    def register(finder: FinderType) -> FinderType:
        _FINDERS[type_name] = finder
        return finder

    return register


def to_base64(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def from_base64(text: str) -> str | None:
    """What `to_base64` was given, or None where it cannot have made this."""
    try:
        decoded = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return None
    return decoded if is_storable(decoded) and to_base64(decoded) == text else None


def key_of(node: str, type_name: str) -> str:
    """The key in an id of this type; raises NotFound for any other text."""
    name, colon, key = (from_base64(node) or "").partition(":")
    if not colon or name != type_name:
        raise NotFound(message=f"There is no such {type_name}.")
    return key


def number_of(node: str, type_name: str) -> int:
    """The number in an id of this type; raises NotFound for any other text."""
    number = as_number(key_of(node, type_name))
    if number is None:
        raise NotFound(message=f"There is no such {type_name}.")
    return number


def uuid_of(node: str, type_name: str) -> UUID:
    """The UUID in an id of this type; raises NotFound for any other text."""
    key = client_key(key_of(node, type_name))
    if key is None:
        raise NotFound(message=f"There is no such {type_name}.")
    return key


def number_or_none(node: str, type_name: str) -> int | None:
    try:
        return number_of(node, type_name)
    except NotFound:
        return None


def uuid_or_none(node: str, type_name: str) -> UUID | None:
    try:
        return uuid_of(node, type_name)
    except NotFound:
        return None


def as_number(text: str) -> int | None:
    """A whole number from 0 to 2^63 - 1 in its shortest form, or None."""
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or str(int(text)) != text:
        return None
    number = int(text)
    return number if number < 2**63 else None


async def find_node(context: RequestContext, node: str) -> Any:
    """The thing with this id, or None where the caller may not know that it exists."""
    name, _, key = (from_base64(node) or "").partition(":")
    finder = _FINDERS.get(name)
    return None if finder is None else await finder(context, key)
