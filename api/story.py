"""`gramme demo --story year`: a person's year against a server, or against one of its own that lives as long."""

import socket
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from api.failures import CommandError
from api.server import address_of, serving
from api.settings import Settings
from api.start import prepare, servers
from api.story_picture import picture_of
from api.story_view import show_story
from api.terminal import Terminal
from mobile_stub.errors import PhoneError
from mobile_stub.story.play import play_year

STORIES = ("year",)
LOCAL = "127.0.0.1"
REACH_SECONDS = 10


async def tell_story(settings: Settings, terminal: Terminal, *, url: str | None, picture: Path | None) -> int:
    """Exit code: 0 where all its checks agree. Raises CommandError where the server says no or cannot be reached."""
    async with AsyncExitStack() as stack:
        address = await _reached(url) if url else await _own_server(settings, terminal, stack)
        with terminal.setup() as setup:
            try:
                story = await play_year(address, setup.step)
            except (PhoneError, TimeoutError) as error:
                raise CommandError(f"The story broke off: {error or type(error).__name__}.") from error
    show_story(terminal.console, story)
    if picture is not None:
        _save(picture, picture_of(story))
        terminal.say(f"\nThe picture is in {picture}.")
    terminal.say("")
    terminal.say("All is well." if not story.failures else f"FAILED: {'; '.join(story.failures)}.")
    return 1 if story.failures else 0


async def _reached(url: str) -> str:
    """A phone would try for minutes; who started a story wants to know at once that nothing is there."""
    address = url.rstrip("/")
    try:
        async with httpx.AsyncClient() as http:
            await http.get(f"{address}/healthz", timeout=REACH_SECONDS)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise CommandError(f"Nothing answers at {address}: start a server there, or correct --url.") from error
    return address


async def _own_server(settings: Settings, terminal: Terminal, stack: AsyncExitStack) -> str:
    """The address of a whole server on a free port, with an empty home that is gone at the end."""
    home = stack.enter_context(TemporaryDirectory(prefix="gramme-story-"))
    listener = stack.enter_context(socket.create_server((LOCAL, 0)))
    own = replace(
        settings,
        database_url=None,
        migration_database_url=None,
        redis_url=None,
        home=Path(home),
        host=LOCAL,
        port=listener.getsockname()[1],
    )
    with terminal.setup() as setup:
        addressed = await stack.enter_async_context(servers(own, setup))
        await prepare(addressed, setup)
        await stack.enter_async_context(serving(addressed, listener))
    return address_of(own)


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
