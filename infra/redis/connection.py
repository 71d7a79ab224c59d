"""The connection to Redis or Valkey, which holds nothing that may not be lost."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff

TIMEOUT_SECONDS = 1.0


def open_redis(url: str) -> Redis:
    """A client with its pool; it connects on first use, gives up after a second and tries once more."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(ConstantBackoff(0.05), 1),
    )


def news_channel(database: str) -> str:
    """Where the writer of this database (its `current_database()`) rings."""
    return f"gramme:{database}:news"
