"""`gramme grant` and `gramme revoke`: who runs the database makes operators, regulators and feeds, and unmakes them."""

from contextlib import AsyncExitStack

from api.failures import CommandError
from api.settings import Settings
from api.start import check_tables, servers
from api.terminal import Terminal
from domain.errors import InvalidInput, NotFound
from domain.identity.model import Role
from domain.identity.service import change_role
from infra.postgres.connection import Database
from infra.postgres.identity import PostgresUsers


async def grant(settings: Settings, terminal: Terminal, *, email: str, role: Role, revoke: bool = False) -> int:
    """Raises CommandError where nobody has this e-mail."""
    async with AsyncExitStack() as stack:
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            assert addressed.database_url
            setup.step("Looking for Postgres")
            await check_tables(addressed.database_url, "run `gramme migrate` first")
        database = await Database.open(addressed.database_url)
        stack.push_async_callback(database.close)
        try:
            user, is_new = await change_role(PostgresUsers(), email=email, role=role, held=not revoke)
        except NotFound as error:
            raise CommandError(f"Nobody has signed up as {email}: sign up with it first.") from error
        except InvalidInput as error:
            raise CommandError(error.message) from error
        said = ("is no longer" if is_new else "was not") if revoke else ("is now" if is_new else "was already")
        terminal.say(f"{user.email} {said} {role.value}. Roles: {', '.join(sorted(user.roles))}.")
    return 0
