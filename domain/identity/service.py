"""Sign up, sign in, stay signed in, sign out; devices; partners and the first operator."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.errors import InvalidInput, NotFound
from domain.identity import profile
from domain.identity.credentials import (
    check_new_password,
    comparable_email,
    email_address,
    is_possible_password,
)
from domain.identity.model import Device, DevicePlatform, EmailTaken, InvalidCredentials, Role, Session, User
from domain.ids import client_key, new_id
from domain.ports import PartnerStore, PasswordHasher, SessionStore, UserStore
from domain.rewards.model import Partner

GRANTED = (Role.OPERATOR, Role.REGULATOR, Role.FEED)
"""What a person is made by whoever runs the database; the other roles come with an account or a key."""


async def sign_up(
    users: UserStore,
    sessions: SessionStore,
    hasher: PasswordHasher,
    *,
    email: str,
    password: str,
    display_name: str,
    region: str,
    locale: str,
    time_zone: str,
    now: datetime,
) -> Session:
    """A new person, signed in. Raises InvalidInput, WeakPassword or EmailTaken."""
    user = User(
        id=new_id(now),
        owner=0,
        email=email_address(email),
        display_name=profile.name(display_name, "displayName"),
        region=profile.region(region),
        locale=profile.locale(locale),
        time_zone=profile.time_zone(time_zone),
        roles=frozenset({Role.MEMBER}),
        created_at=now,
    )
    check_new_password(password, user.email)
    added = await users.add(user, await hasher.hash(password))
    return await sessions.start(added, now)


async def sign_in(
    users: UserStore, sessions: SessionStore, hasher: PasswordHasher, *, email: str, password: str, now: datetime
) -> Session:
    """Raises InvalidCredentials, after the same work whether the account exists or not."""
    known = await users.by_email(comparable_email(email)) if _is_address(email) else None
    possible = is_possible_password(password)
    right = await hasher.verify(known[1] if known and possible else None, password if possible else "")
    if known is None or not right:
        raise InvalidCredentials()
    user, password_hash = known
    if hasher.is_outdated(password_hash):
        await users.set_password_hash(user.id, await hasher.hash(password))
    return await sessions.start(user, now)


async def refresh_session(users: UserStore, sessions: SessionStore, *, refresh_token: str, now: datetime) -> Session:
    """The next tokens of the session. Raises InvalidCredentials; a refresh token used twice ends its session."""
    user_id, tokens = await sessions.refresh(refresh_token, now)
    user = await users.by_id(user_id)
    if user is None:
        raise InvalidCredentials()
    return Session(tokens.access_token, tokens.refresh_token, tokens.expires_at, user)


async def sign_out(sessions: SessionStore, *, session_id: UUID, now: datetime) -> None:
    """Ends the session: access and refresh tokens alike, at once."""
    await sessions.end(session_id, now)


async def register_device(
    users: UserStore,
    *,
    user_id: UUID,
    client_id: str,
    platform: DevicePlatform,
    push_token: str | None,
    now: datetime,
) -> Device:
    """The same client id again is the same device, with its platform and push token brought up to date."""
    key = client_key(client_id)
    if key is None:
        raise InvalidInput("A client id is a UUID that the phone makes once and keeps.", field="clientId")
    token = None if push_token is None else profile.push_token(push_token)
    return await users.register_device(user_id, key, platform, token, now)


async def create_partner(partners: PartnerStore, *, name: str, now: datetime) -> tuple[Partner, str]:
    """A partner and its API key in clear, which is kept nowhere. Raises InvalidInput."""
    return await partners.add(profile.name(name, "name"), now)


async def create_operator(
    users: UserStore, hasher: PasswordHasher, *, email: str, password: str, now: datetime
) -> User:
    """The operator with this address, made where missing; one that exists keeps its password.

    Raises InvalidInput or WeakPassword, and EmailTaken where somebody who is no operator has the address.
    """
    address = email_address(email)
    known = await users.by_email(comparable_email(address))
    if known is not None:
        return _as_operator(known[0])
    check_new_password(password, address)
    operator = User(
        id=new_id(now),
        owner=0,
        email=address,
        display_name="Operator",
        region="CN",
        locale="en",
        time_zone="UTC",
        roles=frozenset({Role.MEMBER, Role.OPERATOR}),
        created_at=now,
    )
    try:
        return await users.add(operator, await hasher.hash(password))
    except EmailTaken:
        known = await users.by_email(comparable_email(address))  # Made meanwhile by a server that started with us.
        if known is None:
            raise
        return _as_operator(known[0])


def _as_operator(user: User) -> User:
    if Role.OPERATOR not in user.roles:
        raise EmailTaken("A person who is no operator signed up with this e-mail. Choose another for the operator.")
    return user


async def change_role(users: UserStore, *, email: str, role: Role, held: bool) -> tuple[User, bool]:
    """The person with or without this role, and whether that is new. Raises InvalidInput for another role, NotFound."""
    if role not in GRANTED:
        raise InvalidInput(f"{role.value} comes with the account itself: it is neither given nor taken.", field="role")
    known = await users.by_email(comparable_email(email_address(email)))
    if known is None:
        raise NotFound("Nobody has signed up with this e-mail.")
    user = known[0]
    changed = await users.set_role(user.id, role, held)
    return replace(user, roles=user.roles | {role} if held else user.roles - {role}), changed


def _is_address(text: str) -> bool:
    try:
        email_address(text)
    except InvalidInput:
        return False
    return True
