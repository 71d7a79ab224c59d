"""Sign-in families: the store of sessions, access tokens and chains of refresh tokens."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from weakref import WeakValueDictionary

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from domain.identity.model import InvalidCredentials, Role, Session, Tokens, User, Viewer
from domain.identity.rotation import ACCESS_LIFETIME, REFRESH_LIFETIME, RefreshToken, Verdict, judge
from domain.ids import new_id
from infra.postgres.identity import AccessTokenRow, RefreshTokenRow, SessionRow
from infra.security import tokens
from infra.security.recent_viewers import RecentViewers


class PostgresSessions:
    """Whose token it is stays known for five seconds, so that a busy phone costs one look-up in that time.

    A session that ends in this process is forgotten at once; one that ends in another lives on here that long.
    """

    def __init__(self) -> None:
        self._viewers = RecentViewers()
        self._endings: WeakValueDictionary[UUID, asyncio.Event] = WeakValueDictionary()

    async def start(self, user: User, now: datetime) -> Session:
        """Makes the first tokens; sessions of this user that ran out are removed."""
        async with in_transaction() as connection:
            await SessionRow.filter(user_id=user.id, expires_at__lt=now).using_db(connection).delete()
            session = await SessionRow.create(
                id=new_id(now), user_id=user.id, started_at=now, expires_at=now, using_db=connection
            )
            made = await _add_tokens(session, now, connection)
        return Session(made.access_token, made.refresh_token, made.expires_at, user)

    async def refresh(self, refresh_token: str, now: datetime) -> tuple[UUID, Tokens]:
        """The user and the tokens that follow. Raises InvalidCredentials; a reused token ends its session first."""
        if not tokens.is_token(refresh_token):
            raise InvalidCredentials()
        async with in_transaction() as connection:
            known = await _locked(refresh_token, connection)
            verdict = judge(await _state_of(known, connection), now)
            if verdict in _FOLLOWING:
                session = await SessionRow.get(id=known.session_id, using_db=connection)
                return session.user_id, await _FOLLOWING[verdict](_Use(session, known, refresh_token, now, connection))
        if verdict is Verdict.REUSED:
            await self.end(known.session_id, now)
        raise InvalidCredentials()

    async def end(self, session_id: UUID, now: datetime) -> None:
        """From here on none of its tokens is worth anything, and whoever waits in `ended` is told."""
        async with in_transaction() as connection:
            await AccessTokenRow.filter(session_id=session_id).using_db(connection).delete()
            await RefreshTokenRow.filter(session_id=session_id).using_db(connection).delete()
            await SessionRow.filter(id=session_id, ended_at=None).using_db(connection).update(ended_at=now)
        self._viewers.forget(session_id)
        ending = self._endings.get(session_id)
        if ending is not None:
            ending.set()

    async def viewer(self, access_token: str, now: datetime) -> Viewer | None:
        """Whose token this is; None where it is unknown, expired or its session has ended."""
        if not tokens.is_token(access_token):
            return None
        digest = tokens.digest(access_token)
        viewer = self._viewers.get(digest, now)
        if viewer is None:
            before = self._viewers.forgotten
            viewer = await _viewer_of(digest)
            if viewer is not None and before == self._viewers.forgotten:
                self._viewers.keep(digest, viewer, now)
        return viewer if viewer is not None and viewer.expires_at is not None and now < viewer.expires_at else None

    async def ended(self, session_id: UUID) -> None:
        """Returns when this process ends the session."""
        ending = self._endings.get(session_id)
        if ending is None:
            ending = self._endings[session_id] = asyncio.Event()
        await ending.wait()


@dataclass(frozen=True, slots=True)
class _Use:
    """A refresh token that was shown and may be followed."""

    session: SessionRow
    row: RefreshTokenRow
    token: str
    now: datetime
    connection: BaseDBAsyncClient


async def _rotate(use: _Use) -> Tokens:
    expired = AccessTokenRow.filter(session_id=use.session.id, expires_at__lt=use.now).using_db(use.connection)
    await expired.delete()
    made = await _add_tokens(use.session, use.now, use.connection)
    use.row.used_at = use.now
    use.row.successor = tokens.digest(made.refresh_token)
    use.row.sealed = tokens.seal(use.token, made.access_token, made.refresh_token)
    await use.row.save(using_db=use.connection)
    return made


async def _repeat(use: _Use) -> Tokens:
    """The very tokens that the first use gave."""
    assert use.row.sealed is not None
    access_token, refresh_token = tokens.unseal(use.token, use.row.sealed)
    access = await AccessTokenRow.get(hash=tokens.digest(access_token), using_db=use.connection)
    return Tokens(access_token, refresh_token, access.expires_at)


_FOLLOWING: dict[Verdict, Callable[[_Use], Awaitable[Tokens]]] = {Verdict.ROTATE: _rotate, Verdict.REPEAT: _repeat}


async def _locked(refresh_token: str, connection: BaseDBAsyncClient) -> RefreshTokenRow:
    query = RefreshTokenRow.filter(hash=tokens.digest(refresh_token)).using_db(connection).select_for_update()
    row = await query.first()
    if row is None:
        raise InvalidCredentials()
    return row


async def _state_of(row: RefreshTokenRow, connection: BaseDBAsyncClient) -> RefreshToken:
    following = RefreshTokenRow.filter(hash=row.successor, used_at__isnull=False).using_db(connection)
    successor_used = row.successor is not None and await following.exists()
    return RefreshToken(row.expires_at, row.used_at, successor_used)


async def _add_tokens(session: SessionRow, now: datetime, connection: BaseDBAsyncClient) -> Tokens:
    made = Tokens(tokens.new_token(), tokens.new_token(), now + ACCESS_LIFETIME)
    await AccessTokenRow.create(
        hash=tokens.digest(made.access_token),
        session_id=session.id,
        expires_at=made.expires_at,
        using_db=connection,
    )
    await RefreshTokenRow.create(
        hash=tokens.digest(made.refresh_token),
        session_id=session.id,
        expires_at=now + REFRESH_LIFETIME,
        using_db=connection,
    )
    session.expires_at = now + REFRESH_LIFETIME
    await session.save(using_db=connection)
    return made


async def _viewer_of(digest: str) -> Viewer | None:
    row = await AccessTokenRow.get_or_none(hash=digest).select_related("session__user")
    if row is None:
        return None
    user = row.session.user
    return Viewer(
        owner=user.owner,
        roles=frozenset(map(Role, user.roles)),
        user_id=user.id,
        session_id=row.session.id,
        expires_at=row.expires_at,
    )
