"""The bundled Postgres and Valkey, for where no address of a server is given."""

from infra.embedded.home import EmbeddedError
from infra.embedded.servers import EmbeddedServers

__all__ = ["EmbeddedError", "EmbeddedServers"]
