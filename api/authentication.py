"""Who calls: a bearer token or an API key, from the header of a request or the first message of a socket."""

import asyncio
from datetime import UTC, datetime

from domain.errors import Forbidden, Unauthenticated
from domain.identity.model import User, Viewer
from domain.ports import PartnerStore, SessionStore
from infra.postgres.connection import is_unavailable
from infra.security.tokens import API_KEY_PREFIX
from schema.context import Stores

LOOKED_AT_AGAIN_SECONDS = 60.0
"""How long another process's sign-out may go unnoticed by an open stream."""


async def authenticate(stores: Stores, authorization: object, now: datetime) -> Viewer | None:
    """`authorization` is "Bearer <token or key>", or None for nobody. Raises Unauthenticated where it is wrong."""
    if authorization is None:
        return None
    scheme, _, secret = str(authorization).partition(" ")
    viewer = None
    if scheme.lower() == "bearer":
        viewer = await _holder_of(secret.strip(), stores.sessions, stores.partners, now)
    if viewer is None:
        raise Unauthenticated()
    return viewer


async def sender(stores: Stores, authorization: object, now: datetime) -> User:
    """The person who calls. Raises Unauthenticated for nobody, Forbidden for a key that belongs to no person."""
    viewer = await authenticate(stores, authorization, now)
    if viewer is None:
        raise Unauthenticated
    user = await stores.users.by_id(viewer.user_id) if viewer.user_id else None
    if user is None:
        raise Forbidden
    return user


async def until_over(stores: Stores, authorization: object, viewer: Viewer) -> str:
    """Returns, with the reason, when a stream of this viewer has to end: token expired, session ended, key revoked."""
    while True:
        left = LOOKED_AT_AGAIN_SECONDS
        if viewer.expires_at is not None:
            left = min(left, (viewer.expires_at - datetime.now(UTC)).total_seconds())
        if left <= 0:
            return "Token expired"
        if await _ends_within(left, stores.sessions, viewer):
            return "Session ended"
        try:
            await authenticate(stores, authorization, datetime.now(UTC))
        except Unauthenticated:
            return "Token expired"
        except Exception as error:
            if not is_unavailable(error):
                raise


async def _ends_within(seconds: float, sessions: SessionStore, viewer: Viewer) -> bool:
    if viewer.session_id is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            await sessions.ended(viewer.session_id)
    except TimeoutError:
        return False
    return True


async def _holder_of(secret: str, sessions: SessionStore, partners: PartnerStore, now: datetime) -> Viewer | None:
    if secret.startswith(f"{API_KEY_PREFIX}_"):
        return await partners.viewer(secret, now)
    return await sessions.viewer(secret, now)
