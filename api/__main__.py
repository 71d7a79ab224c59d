"""The `gramme` command."""

import argparse
import asyncio
import logging
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import uvloop
from rich.logging import RichHandler

from api.arguments import arguments_of_command
from api.engine import RunningWriter
from api.failures import sentence_of
from api.granting import grant, replace_key
from api.roles import Role
from api.server import address_of, listen, serving
from api.settings import Settings
from api.start import check_postgres, check_servers, migrate_database, operator_login, prepare, servers
from api.story import tell_story
from api.terminal import Terminal
from domain.identity.model import Role as PersonRole
from infra.engine.audit import audit
from infra.engine.replay import first_difference
from mobile_stub.demo import DemoResult, run_demo
from schema.root import schema

CANCEL_TRIES = 3
CANCEL_SECONDS = 0.75
SERVED = {
    Role.ALL: "Gramme is served at {}/graphql.",
    Role.API: "Gramme is served at {}/graphql, in front of the engine that holds the lease.",
    Role.ENGINE: "The engine runs, or waits for the one before it to end; {}/readyz says which.",
}
STOPPED = 128 + signal.SIGINT


def main() -> None:
    """Exit code 0: done, or stopped where it would have gone on for ever. 1: it failed, and the last line says why."""
    arguments = arguments_of_command()
    terminal = Terminal()
    _log_to(terminal)
    try:
        settings = Settings.from_environment()
        code = uvloop.run(_until_stopped(arguments, settings, terminal))
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        sys.stderr.write(f"gramme: {sentence}\n")
        code = 1
    sys.exit(code)


def _command(
    arguments: argparse.Namespace, settings: Settings, terminal: Terminal, stopping: asyncio.Event
) -> Coroutine[Any, Any, int]:
    match arguments.command:
        case "run":
            return run(settings, terminal, stopping, phones=arguments.phones, once=arguments.once)
        case "serve":
            return serve(settings, terminal, stopping, Role(arguments.role))
        case "demo" if arguments.story:
            return tell_story(settings, terminal, url=arguments.url, picture=arguments.picture)
        case "demo":
            return demo(settings, terminal, stopping, url=arguments.url, phones=arguments.phones, once=arguments.once)
        case "migrate":
            return migrate(settings, terminal)
        case "grant" | "revoke":
            role, revoke = PersonRole(arguments.granted), arguments.command == "revoke"
            return grant(settings, terminal, email=arguments.email, role=role, revoke=revoke)
        case "replace-key":
            return replace_key(settings, terminal, key=arguments.key)
        case "audit":
            return check_ledger(settings, terminal)
        case "replay":
            return replay_log(settings, terminal)
        case _:
            return print_schema()


def _log_to(terminal: Terminal) -> None:
    """Warnings and worse; above the live table where there is one."""
    if terminal.console.is_terminal:
        handler: logging.Handler = RichHandler(console=terminal.console, show_path=False)
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    else:
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("strawberry.ws").setLevel(logging.ERROR)  # Else every refused origin writes a line.


def _is_endless(arguments: argparse.Namespace) -> bool:
    if arguments.command == "demo" and arguments.story:
        return False
    return arguments.command == "serve" or (arguments.command in ("run", "demo") and not arguments.once)


async def _until_stopped(arguments: argparse.Namespace, settings: Settings, terminal: Terminal) -> int:
    """The command's exit code; SIGINT and SIGTERM end it the orderly way, with 130 where it was not done.

    They set `stopping` too: a cancellation alone can be lost on its way, as `asyncio.wait_for` loses some before 3.12.
    """
    stopping = asyncio.Event()
    task = asyncio.ensure_future(_command(arguments, settings, terminal, stopping))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not stopping.is_set():
            stopping.set()
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        terminal.say("Stopped.")
        return 0 if _is_endless(arguments) else STOPPED


async def _unless_stopped(demo: Coroutine[Any, Any, DemoResult], stopping: asyncio.Event) -> DemoResult:
    """The demo's result. A cancellation that is lost on its way is sent again."""
    task = asyncio.ensure_future(demo)
    if stopping.is_set():
        task.cancel()
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        for _ in range(CANCEL_TRIES):
            task.cancel()
            if (await asyncio.wait([task], timeout=CANCEL_SECONDS))[0]:
                break
        raise


# ---------------------------------------------------------------- commands


async def run(settings: Settings, terminal: Terminal, stopping: asyncio.Event, *, phones: int, once: bool) -> int:
    address = address_of(settings)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(settings))
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            login = operator_login(settings, make=True)
            addressed = replace(addressed, operator_email=login.email, operator_password=login.password)
            await prepare(addressed, setup)
            setup.step("Waiting until orders can be taken")
            await stack.enter_async_context(serving(addressed, listener))
        audience = f"operator {login.email}, password in {login.told}"
        terminal.say(f"Gramme is served at {address}/graphql; {audience}.")
        with terminal.demo(address, audience) as report:
            result = await _unless_stopped(
                run_demo(
                    address, login.email, login.password, phones=phones, once=once, home=addressed.home, report=report
                ),
                stopping,
            )
        terminal.show_result(result.state, result.failures)
        assert addressed.database_url
        checks = await audit(addressed.database_url)
        terminal.show_audit(checks)
    is_sound = all(check.ok for check in checks)
    return _verdict(terminal, [*result.failures, *([] if is_sound else ["the audit found a breach"])])


async def serve(settings: Settings, terminal: Terminal, stopping: asyncio.Event, role: Role) -> int:
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(settings))
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            await (check_servers if role is Role.API else prepare)(addressed, setup)
            setup.step("Waiting until orders can be taken")
            resources = await stack.enter_async_context(serving(addressed, listener, role))
        terminal.say(f"{SERVED[role].format(address_of(settings))} Ctrl-C stops it.")
        await _until_stopped_or_failed(resources.writer if role is Role.ENGINE else None, stopping)
    return 0


async def _until_stopped_or_failed(writer: RunningWriter | None, stopping: asyncio.Event) -> None:
    """An engine process whose writer must not go on has nothing left to do. Raises StartError for it."""
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({waiting} | ({writer.task} if writer else set()), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if writer is not None:
        writer.check()


async def demo(
    settings: Settings, terminal: Terminal, stopping: asyncio.Event, *, url: str | None, phones: int, once: bool
) -> int:
    login = operator_login(settings, make=False)
    address = (url or address_of(settings)).rstrip("/")
    with terminal.demo(address) as report:
        result = await _unless_stopped(
            run_demo(address, login.email, login.password, phones=phones, once=once, home=settings.home, report=report),
            stopping,
        )
    terminal.show_result(result.state, result.failures)
    return _verdict(terminal, result.failures)


async def migrate(settings: Settings, terminal: Terminal) -> int:
    async with AsyncExitStack() as stack:
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            await migrate_database(addressed, setup)
        terminal.say("The database is up to date.")
    return 0


async def check_ledger(settings: Settings, terminal: Terminal) -> int:
    async with AsyncExitStack() as stack:
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            assert addressed.database_url
            setup.step("Looking for Postgres")
            await check_postgres("GRAMME_DATABASE_URL", addressed.database_url)
            checks = await audit(addressed.database_url, setup.step)
        terminal.show_audit(checks)
    return _verdict(terminal, [check.name for check in checks if not check.ok])


async def replay_log(settings: Settings, terminal: Terminal) -> int:
    async with AsyncExitStack() as stack:
        with terminal.setup() as setup:
            addressed = await stack.enter_async_context(servers(settings, setup))
            assert addressed.database_url
            setup.step("Looking for Postgres")
            await check_postgres("GRAMME_DATABASE_URL", addressed.database_url)
            begun = time.monotonic()
            count, digest, difference = await first_difference(
                addressed.database_url, lambda done, total: setup.progress("Replaying commands", done, total)
            )
        terminal.say(f"{count:,} commands in {time.monotonic() - begun:.1f} s, digest {digest.hex()[:16]}.")
    return _verdict(terminal, [difference] if difference else [])


async def print_schema() -> int:
    sys.stdout.write(schema.as_str().rstrip() + "\n")
    return 0


def _verdict(terminal: Terminal, failures: Sequence[str]) -> int:
    terminal.say("")
    terminal.say("All is well." if not failures else f"FAILED: {'; '.join(failures)}.")
    return 1 if failures else 0


if __name__ == "__main__":
    main()
