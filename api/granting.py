"""What who runs the database may do with access: `gramme grant` and `revoke` roles, `gramme replace-key` of a shop."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from api.failures import CommandError
from api.settings import Settings
from api.start import check_tables, servers
from api.terminal import Terminal
from domain.errors import InvalidInput, NotFound
from domain.identity.model import Role
from domain.identity.service import change_role
from infra.postgres.connection import Database
from infra.postgres.identity import PostgresPartners, PostgresUsers


async def grant(settings: Settings, terminal: Terminal, *, email: str, role: Role, revoke: bool = False) -> int:
    """Raises CommandError where nobody has this e-mail."""
    async with _tables(settings, terminal):
        try:
            user, is_new = await change_role(PostgresUsers(), email=email, role=role, held=not revoke)
        except NotFound as error:
            raise CommandError(f"Nobody has signed up as {email}: sign up with it first.") from error
        except InvalidInput as error:
            raise CommandError(error.message) from error
        said = ("is no longer" if is_new else "was not") if revoke else ("is now" if is_new else "was already")
        terminal.say(f"{user.email} {said} {role.value}. Roles: {', '.join(sorted(user.roles))}.")
    return 0


async def replace_key(settings: Settings, terminal: Terminal, *, key: str) -> int:
    """`key` is a whole API key or its first two parts, as a log or a person has it. Raises CommandError for none."""
    prefix = key.removeprefix("gk_").split("_")[0]
    async with _tables(settings, terminal):
        replaced = await PostgresPartners().replace_key(prefix, datetime.now(UTC))
    if replaced is None:
        raise CommandError(f"No key that is in use begins with gk_{prefix}_.")
    partner, fresh = replaced
    terminal.say(f"gk_{prefix}_... of {partner.name} is worth nothing any more. Its new key, told only now: {fresh}")
    return 0


@asynccontextmanager
async def _tables(settings: Settings, terminal: Terminal) -> AsyncIterator[None]:
    """With the embedded servers where there are no others."""
    async with AsyncExitStack() as stack:
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            assert addressed.database_url
            setup.step("Looking for Postgres")
            await check_tables(addressed.database_url, "run `gramme migrate` first")
        database = await Database.open(addressed.database_url)
        stack.push_async_callback(database.close)
        yield
