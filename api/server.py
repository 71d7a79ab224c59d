"""The API on its port: one process, one event loop, stopped within seconds however many sockets are open."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from api.app import create_app
from api.engine import EngineResources
from api.failures import CommandError
from api.graphql_socket import FRAME_BYTES_MAX
from api.resources import Resources
from api.roles import Role
from api.settings import Settings
from api.socket_protocol import SocketProtocol

PING_SECONDS = 20
CLOSE_SECONDS = 2


def listen(settings: Settings) -> socket.socket:
    """The port, bound before anything is started, so that one in use is told at once; it refuses until it is served."""
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CommandError(f"{where} is no address of this machine: correct GRAMME_HOST.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise CommandError(_why_not(where, error)) from error
    return listener


def _why_not(where: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {where} is taken: end the program that uses it, or set GRAMME_PORT to a free one."
    if error.errno == errno.EACCES:
        return f"This user may not open port {where}: set GRAMME_PORT to 1024 or above."
    return f"{where} cannot be opened ({error.strerror}): correct GRAMME_HOST and GRAMME_PORT."


def address_of(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{settings.port}"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the command, which has more to stop than this."""
        yield


@contextlib.asynccontextmanager
async def serving(
    settings: Settings, listener: socket.socket, role: Role = Role.ALL
) -> AsyncIterator[Resources | EngineResources]:
    """What this role has to answer is served inside this block. Raises what `open_resources` raises."""
    app = create_app(settings, role)
    async with app.router.lifespan_context(app):
        server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                loop="uvloop",
                http="httptools",
                ws=SocketProtocol,
                ws_max_size=FRAME_BYTES_MAX,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PING_SECONDS,
                timeout_graceful_shutdown=CLOSE_SECONDS,
                access_log=False,
                log_config=None,
                limit_concurrency=settings.connections,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                server_header=False,
            )
        )
        running = await _started(server, listener, f"{settings.host}:{settings.port}")
        try:
            yield app.state.resources
        finally:
            await app.state.resources.hang_up()
            server.should_exit = True
            await running


async def _started(server: uvicorn.Server, listener: socket.socket, where: str) -> "asyncio.Task[None]":
    running = asyncio.create_task(server.serve([listener]), name="api")
    while not server.started and not running.done():
        await asyncio.wait([running], timeout=0.01)
    if running.done() and isinstance(error := running.exception(), OSError):
        raise CommandError(_why_not(where, error)) from error
    return running
