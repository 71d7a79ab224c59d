"""Keyset lists: a page of nodes, and the cursors that stand between them.

A cursor is the base64url of "<list>:<position>", the same text in a node, an edge and a subscription. The list's name
says whose or which market's it is where that matters, so that another one's cursor is refused rather than misread.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from domain.errors import InvalidCursor, InvalidInput
from domain.identity.model import Viewer
from domain.text import is_storable
from schema.node import as_number, from_base64, to_base64

FIRST_MAX = 100
FILTER_LENGTH = 200

NodeType = TypeVar("NodeType")
Item = TypeVar("Item")
Position = TypeVar("Position")


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[NodeType]):
    cursor: str
    node: NodeType


@strawberry.type
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]]
    page_info: PageInfo


@dataclass(frozen=True, slots=True)
class PageEdge(Generic[Item]):
    cursor: str
    node: Item


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """What a resolver of a connection returns."""

    edges: list[PageEdge[Item]]
    page_info: PageInfo


@dataclass(frozen=True, slots=True)
class ListOf(Generic[Item, Position]):
    """A list's name, where in it an item stands, and a position as text; `read` gives None for any other text."""

    name: str
    position: Callable[[Item], Position]
    show: Callable[[Position], str]
    read: Callable[[str], Position | None]

    def cursor(self, item: Item) -> str:
        return to_base64(f"{self.name}:{self.show(self.position(item))}")

    def after(self, cursor: str | None) -> Position | None:
        """The position that a cursor names; raises InvalidCursor where this list did not give it out."""
        if cursor is None:
            return None
        name, colon, text = (from_base64(cursor) or "").partition(":")
        position = self.read(text) if colon and name == self.name else None
        if position is None:
            raise InvalidCursor()
        return position


def numbered(name: str, position: Callable[[Item], int]) -> ListOf[Item, int]:
    """A list whose positions are whole numbers."""
    return ListOf(name, position, str, as_number)


def own(viewer: Viewer, name: str) -> str:
    """The name of a person's own list: a phone that changed hands cannot go on with the other person's cursor."""
    return f"{name}.{str(viewer.user_id)[-8:]}"


def checked_first(first: int | None, default: int) -> int:
    """How many items were asked for; raises InvalidInput past FIRST_MAX."""
    if first is None:
        return default
    if not 0 <= first <= FIRST_MAX:
        raise InvalidInput(message=f"`first` lies between 0 and {FIRST_MAX}.", field="first")
    return first


def checked_filter(text: str | None, field: str) -> str | None:
    """The text that a list is filtered by; raises InvalidInput where nothing stored could be equal to it."""
    if text is not None and not (len(text) <= FILTER_LENGTH and is_storable(text)):
        raise InvalidInput(message=f"`{field}` is not a text that could be found.", field=field)
    return text


async def page(
    list_of: ListOf[Item, Position],
    first: int | None,
    after: str | None,
    load: Callable[[Position | None, int], Awaitable[Sequence[Item]]],
    default: int = 20,
) -> Page[Item]:
    """One page. `load` is asked for one item more than the caller wants: where it comes, a next page exists."""
    limit = checked_first(first, default)
    found = await load(list_of.after(after), limit + 1)
    edges = [PageEdge(cursor=list_of.cursor(item), node=item) for item in found[:limit]]
    return Page(
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(found) > limit,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )
