"""Who may ask for a field, and how often: declared on the field, checked before its resolver.

The last extension is asked first: `extensions=[Limited("orders"), Requires(person)]`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from strawberry.extensions import FieldExtension

from domain.errors import Forbidden
from domain.identity.model import Role
from schema.context import Info, RequestContext

Check = Callable[[RequestContext], None]


def signed_in(context: RequestContext) -> None:
    """Any caller with a token or a key; raises Unauthenticated."""
    _ = context.caller


def person(context: RequestContext) -> None:
    """A person; a partner's key is Forbidden."""
    _ = context.user_id


def operator(context: RequestContext) -> None:
    _require(context, Role.OPERATOR)


def supervisor(context: RequestContext) -> None:
    """Whoever operates or supervises."""
    if Role.REGULATOR not in context.caller.roles:
        _require(context, Role.OPERATOR)


def partner(context: RequestContext) -> None:
    _require(context, Role.PARTNER)


def _require(context: RequestContext, role: Role) -> None:
    if role not in context.caller.roles:
        raise Forbidden(message=f"Only a caller with the role {role.value} may do that.")


class Requires(FieldExtension):
    """Lets the resolver run where the check raises nothing."""

    def __init__(self, check: Check) -> None:
        self.check = check

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        self.check(info.context)
        return await next_(source, info, **kwargs)


class Limited(FieldExtension):
    """Counts each execution under this limit: for the caller where one is signed in, else for the address."""

    def __init__(self, limit: str) -> None:
        self.limit = limit

    async def resolve_async(self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any) -> Any:
        context = info.context
        subject = context.address if context.viewer is None else str(context.viewer.owner)
        await context.limits.count(self.limit, subject)
        return await next_(source, info, **kwargs)
