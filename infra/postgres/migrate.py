"""Brings a database to the newest tables, and gives the application's login what it needs and no more.

The application may read everything and write everything but the ledger: journal and posting it can only add to. Two
servers that start at once migrate one after the other (advisory lock).
"""

from urllib.parse import urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.migrations.api.migrate import migrate as run_migrations

from infra.postgres.connection import Connection, orm_config

MIGRATION_LOCK = 4_774_001
APPEND_ONLY = ("journal", "posting")


async def migrate(owner_url: str, app_url: str) -> None:
    """Applies what is missing; on a database that is up to date it changes nothing."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        try:
            await run_migrations(config=orm_config(owner_url))
        finally:
            await Tortoise.close_connections()
        await _grant(connection, urlsplit(app_url).username or "")
    finally:
        await connection.close()


async def _grant(connection: Connection, login: str) -> None:
    """Rights for an application login of its own; where it is the owner itself, only the triggers guard the ledger."""
    owner = await connection.fetchval("SELECT current_user")
    if login in ("", owner):
        return
    role = await connection.fetchval("SELECT quote_ident($1)", login)
    everything = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    await connection.execute(
        f"GRANT USAGE ON SCHEMA public TO {role};"
        f"GRANT {everything} TO {role};"
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};"
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(APPEND_ONLY)} FROM {role}"
    )
