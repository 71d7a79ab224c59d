"""What stands before serving: both servers reachable, the tables newest, the factors loaded, an operator there."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import redis.exceptions

from api.failures import CommandError, place_of, postgres_sentence
from api.settings import Settings, SettingsError
from api.terminal import Setup
from domain.errors import DomainError
from domain.identity.service import create_operator
from infra.embedded import EmbeddedError, EmbeddedServers
from infra.factors.loader import load_factors
from infra.postgres.connection import Database
from infra.postgres.identity import PostgresUsers
from infra.postgres.migrate import migrate
from infra.redis.connection import open_redis
from infra.security.passwords import PasswordHashing

WATCH_SECONDS = 1.0
CONNECT_SECONDS = 10
POSTGRES_MIN = 15
DEMO_OPERATOR = "operator@gramme.example"


# ---------------------------------------------------------------- the servers


@asynccontextmanager
async def servers(settings: Settings, setup: Setup) -> AsyncIterator[Settings]:
    """Settings that name both servers; the bundled ones run inside this block where no address is set."""
    if settings.database_url and settings.redis_url:
        yield settings
        return
    embedded = EmbeddedServers(settings.home, postgres=settings.database_url is None, valkey=settings.redis_url is None)
    try:
        await _start(embedded, setup)
        watcher = asyncio.create_task(_revive(embedded), name="embedded servers")
        try:
            yield replace(
                settings,
                database_url=settings.database_url or embedded.app_url,
                migration_database_url=settings.migration_database_url or settings.database_url or embedded.owner_url,
                redis_url=settings.redis_url or embedded.redis_url,
            )
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])
    finally:
        await asyncio.to_thread(embedded.stop)


async def _start(embedded: EmbeddedServers, setup: Setup) -> None:
    starting = asyncio.create_task(asyncio.to_thread(embedded.start, setup.step))
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        embedded.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise


async def _revive(embedded: EmbeddedServers) -> None:
    """Starts a server anew that died under us; the API answers UNAVAILABLE meanwhile and heals by itself."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if not await asyncio.to_thread(embedded.are_running):
            try:
                await asyncio.to_thread(embedded.start)
            except EmbeddedError:
                continue


# ---------------------------------------------------------------- database and people


async def prepare(settings: Settings, setup: Setup) -> None:
    """Brings an empty or older database to where this version can serve it."""
    await migrate_database(settings, setup)
    assert settings.database_url
    assert settings.redis_url
    setup.step("Looking for Redis")
    await check_redis(settings.redis_url)
    database = await Database.open(settings.database_url)
    try:
        await load_factors(
            database,
            ademe_impact_co2=settings.ademe_impact_co2,
            progress=lambda _file, done, total: setup.progress("Loading emission factors", done, total),
        )
        if settings.operator_email or settings.operator_password:
            setup.step("Looking for the operator")
            await _ensure_operator(settings)
    finally:
        await database.close()


async def check_servers(settings: Settings, setup: Setup) -> None:
    """For a process that finds everything prepared by an engine. Raises CommandError where it is not."""
    assert settings.database_url
    assert settings.redis_url
    setup.step("Looking for Postgres")
    await check_tables(settings.database_url, "start `gramme serve --role engine` first")
    setup.step("Looking for Redis")
    await check_redis(settings.redis_url)


async def check_tables(database_url: str, remedy: str) -> None:
    """Raises CommandError where this database cannot be used or has no tables of ours."""
    await check_postgres("GRAMME_DATABASE_URL", database_url)
    connection = await asyncpg.connect(database_url, timeout=CONNECT_SECONDS)
    try:
        if await connection.fetchval("SELECT to_regclass('public.lease')") is None:
            raise CommandError(f"This database has no tables of Gramme: {remedy}.")
    finally:
        await connection.close()


async def migrate_database(settings: Settings, setup: Setup) -> None:
    assert settings.database_url
    setup.step("Looking for Postgres")
    await check_postgres("GRAMME_DATABASE_URL", settings.database_url)
    owner_url = settings.migration_database_url or settings.database_url
    if owner_url != settings.database_url:
        await check_postgres("GRAMME_MIGRATION_DATABASE_URL", owner_url)
    setup.step("Migrating the database")
    await migrate(owner_url, settings.database_url)


async def check_postgres(variable: str, url: str) -> None:
    """Raises CommandError where this address cannot be used."""
    if not _is_postgres_address(url):
        raise CommandError(
            f"{variable} is no address of Postgres: write postgresql://name:password@host:port/database."
        )
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except (ValueError, asyncpg.InterfaceError) as error:
        raise CommandError(
            f"{variable} cannot be read: write postgresql://name:password@host:port/database."
        ) from error
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CommandError(postgres_sentence(variable, url, error)) from error
    try:
        version = connection.get_server_version()
        if version.major < POSTGRES_MIN:
            raise CommandError(
                f"Postgres at {variable} ({place_of(url)}) is version {version.major}: "
                f"Gramme needs {POSTGRES_MIN} or newer."
            )
    finally:
        await connection.close()


def _is_postgres_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("postgres", "postgresql") and parts.port != 0
    except ValueError:
        return False


async def check_redis(url: str) -> None:
    """Raises CommandError where this address cannot be used now; once the server runs, it may go and come back."""
    try:
        client = open_redis(url)
    except ValueError as error:
        raise CommandError("GRAMME_REDIS_URL cannot be read: write redis://:password@host:port/0.") from error
    try:
        await client.ping()
    except redis.exceptions.AuthenticationError as error:
        raise CommandError("Redis refuses the login of GRAMME_REDIS_URL: correct its name and password.") from error
    except (redis.exceptions.ResponseError, redis.exceptions.InvalidResponse) as error:
        raise CommandError(
            "GRAMME_REDIS_URL leads to no Redis that can be used: correct its address, password or database number."
        ) from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise CommandError("Redis at GRAMME_REDIS_URL cannot be reached: start it, or correct the address.") from error
    finally:
        await client.aclose()


async def _ensure_operator(settings: Settings) -> None:
    """Needs the ORM, which `Database.open` has started."""
    if not settings.operator_email or not settings.operator_password:
        raise SettingsError("Set GRAMME_OPERATOR_EMAIL and GRAMME_OPERATOR_PASSWORD together, or neither of them.")
    hasher = PasswordHashing()
    try:
        await create_operator(
            PostgresUsers(),
            hasher,
            email=settings.operator_email,
            password=settings.operator_password,
            now=datetime.now(UTC),
        )
    except DomainError as error:
        raise SettingsError(
            f"GRAMME_OPERATOR_EMAIL or GRAMME_OPERATOR_PASSWORD cannot be used: {error.message}"
        ) from error
    finally:
        hasher.close()


@dataclass(frozen=True)
class OperatorLogin:
    email: str
    password: str
    told: str
    """Where its password lies, for people to read."""


def operator_login(settings: Settings, *, make: bool) -> OperatorLogin:
    """The one that is set, else that of this home, made where missing and wanted."""
    if settings.operator_email and settings.operator_password:
        return OperatorLogin(settings.operator_email, settings.operator_password, "GRAMME_OPERATOR_PASSWORD")
    path = settings.home.absolute() / "operator-password"
    if not path.exists():
        if not make:
            raise CommandError("Set GRAMME_OPERATOR_EMAIL and GRAMME_OPERATOR_PASSWORD to that server's operator.")
        _make_password(path)
    try:
        return OperatorLogin(settings.operator_email or DEMO_OPERATOR, path.read_text().strip(), str(path))
    except PermissionError:
        raise CommandError(f"{path} belongs to another user: set GRAMME_HOME to a folder of your own.") from None


def _make_password(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}): set GRAMME_HOME to a folder of your own."
        ) from error
