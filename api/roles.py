"""What a process of the server does. One engine decides; as many API processes as wanted stand in front of it."""

import socket
from enum import StrEnum
from hashlib import blake2b
from urllib.parse import urlsplit

from api.settings import Settings, SettingsError
from infra.postgres.connection import Database

WILDCARDS = frozenset({"0.0.0.0", "::", "*", ""})
BACKLOG = 64


class Role(StrEnum):
    """ENGINE writes; API answers people and holds no state; ALL is both in one process."""

    ALL = "all"
    ENGINE = "engine"
    API = "api"


def engine_secret(settings: Settings) -> bytes:
    """What API processes and engine know: GRAMME_ENGINE_SECRET, else a digest of the database's password."""
    secret = settings.engine_secret
    if secret is None and settings.database_url is not None:
        secret = urlsplit(settings.database_url).password
    if not secret:
        raise SettingsError(
            "Set GRAMME_ENGINE_SECRET to the same text for the engine and for every API process: "
            "GRAMME_DATABASE_URL has no password that could stand for it."
        )
    return blake2b(secret.encode(), digest_size=32, person=b"gramme engine").digest()


def engine_listener(settings: Settings) -> socket.socket:
    """The engine's port for commands, on an address by which API processes find it."""
    host = settings.engine_host
    if host in WILDCARDS:
        raise SettingsError(
            "GRAMME_ENGINE_HOST is told to the API processes: write the one address at which they reach the engine."
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, settings.engine_port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"GRAMME_ENGINE_HOST is {host!r}, which is no address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"The engine cannot listen on {host}:{settings.engine_port or 'any port'} ({error.strerror}): "
            "correct GRAMME_ENGINE_HOST and GRAMME_ENGINE_PORT."
        ) from error
    return listener


def address_in_lease(settings: Settings, listener: socket.socket) -> str:
    host = f"[{settings.engine_host}]" if ":" in settings.engine_host else settings.engine_host
    return f"{host}:{listener.getsockname()[1]}"


async def leased_address(database: Database) -> str:
    """Where the engine that holds the lease listens; nothing where it takes no commands from outside."""
    address: str = await database.pool.fetchval("SELECT address FROM lease WHERE id = 1")
    return address
