"""Faults of the surroundings (a setting, a port, a server, a disk) as one plain sentence that says what to do."""

import errno
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import redis.exceptions

from api.engine import StartError
from api.settings import SettingsError
from infra.embedded import EmbeddedError


class CommandError(Exception):
    """A command cannot go on; the text is the sentence."""


PLAIN = (CommandError, SettingsError, EmbeddedError, StartError)


def place_of(url: str) -> str:
    """Host, port and database of an address, without its login."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}/{parts.path.lstrip('/')}"


def postgres_sentence(variable: str, url: str, error: BaseException) -> str:
    """Why Postgres at this address cannot be used."""
    where = f"{variable} ({place_of(url)})"
    login = urlsplit(url).username or "no name"
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"Postgres refuses the login {login} of {where}: correct its name and password."
        case asyncpg.InvalidCatalogNameError():
            return f"There is no database at {where}: create it, or correct the address."
        case asyncpg.TooManyConnectionsError():
            return f"Postgres at {where} has no connection left: raise its max_connections."
        case asyncpg.CannotConnectNowError():
            return f"Postgres at {where} is starting or stopping: try again shortly."
        case socket.gaierror():
            return f"The host of {where} is unknown: correct the address."
        case _:
            return f"Postgres at {where} cannot be reached: start it, or correct the address."


def sentence_of(error: BaseException) -> str | None:
    """The sentence for a fault that is none of ours, or None: then it is one, and its traceback is wanted."""
    for link in _chain(error):
        if isinstance(link, PLAIN):
            return str(link)
        if isinstance(link, asyncpg.DiskFullError) or getattr(link, "errno", None) == errno.ENOSPC:
            return "The disk is full: free some space, then start again."
        if isinstance(link, asyncpg.InsufficientPrivilegeError):
            return f"The database login lacks a right ({link}): set GRAMME_MIGRATION_DATABASE_URL to the owner's login."
        if isinstance(link, asyncpg.UndefinedTableError):
            return "This database has no tables of Gramme: run `gramme migrate` first."
        if isinstance(link, redis.exceptions.AuthenticationError):
            return "Redis refuses the login of GRAMME_REDIS_URL: correct its password."
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and the members of groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        waiting.extend(cause for cause in (link.__cause__, link.__context__) if cause is not None)
