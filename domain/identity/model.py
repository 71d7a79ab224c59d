"""People, partners, sessions and who may do what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import DomainError


class Role(StrEnum):
    MEMBER = "MEMBER"
    PARTNER = "PARTNER"
    OPERATOR = "OPERATOR"
    REGULATOR = "REGULATOR"
    FEED = "FEED"


class DevicePlatform(StrEnum):
    IOS = "IOS"
    ANDROID = "ANDROID"
    WEB = "WEB"


@dataclass(eq=False)
class EmailTaken(DomainError):
    message: str = "An account with this e-mail exists. Sign in instead."


@dataclass(eq=False)
class WeakPassword(DomainError):
    pass


@dataclass(eq=False)
class InvalidCredentials(DomainError):
    message: str = "E-mail or password is wrong."


@dataclass(frozen=True, slots=True)
class User:
    """`owner` is the person's pseudonym in the ledger. `time_zone` is an IANA name, `region` ISO 3166-1 or 3166-2."""

    id: UUID
    owner: int
    email: str
    display_name: str
    region: str
    locale: str
    time_zone: str
    roles: frozenset[Role]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """One link of a session's chain; `expires_at` is the access token's."""

    access_token: str
    refresh_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """What sign-in gives; `expires_at` is the access token's."""

    access_token: str
    refresh_token: str
    expires_at: datetime
    user: User


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller of one request: a person (user_id) or a partner's key (partner_id), and what it may do.

    `expires_at` is when its token ends (None for an API key); `session_id` is the sign-in family.
    """

    owner: int
    roles: frozenset[Role]
    user_id: UUID | None = None
    partner_id: UUID | None = None
    session_id: UUID | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Device:
    id: UUID
    platform: DevicePlatform
    registered_at: datetime
