"""Commands and answers as they are stored: JSON text, a hash of what the caller chose, and the chain over all of it."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b, sha256
from typing import Any
from uuid import UUID

import orjson

from domain.commands import Answer, Command

GENESIS = bytes(32)
BY_ROWS, BY_COLUMNS = 1, 2
"""How a batch is chained, as its `link` says."""


def stored_form(command: Command) -> tuple[str, bytes]:
    """The fields as JSON text, and 16 bytes that are equal for two commands of one kind and the same input."""
    payload = orjson.dumps(command.fields(), default=_plain)
    chosen = orjson.dumps(command.fingerprint()) if command.private else payload
    return payload.decode(), blake2b(command.kind.encode() + chosen, digest_size=16).digest()


def _plain(value: Any) -> str:
    """An id that was read from Postgres is of a class of its driver's own."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a command cannot hold {type(value)}")


def command_of(kind: str, caller: int, key: UUID | None, payload: str) -> Command:
    return Command.from_values(kind, caller, key, orjson.loads(payload))


def answer_text(answer: Answer) -> str:
    return orjson.dumps(answer.data).decode()


def answer_of(kind: str, text: str) -> Answer:
    """A stored answer, without state."""
    return Answer(kind, orjson.loads(text))


def link(previous: bytes, head: Sequence[Any], columns: Iterable[str]) -> bytes:
    """The chain's next hash: SHA-256 of the one before, the batch's head as JSON and the columns as they are stored.

    No text can hold the zero bytes that stand between them.
    """
    digest = sha256(previous)
    digest.update(orjson.dumps(head, option=orjson.OPT_UTC_Z))
    digest.update("\0".join(("", *columns)).encode())
    return digest.digest()


def link_of_rows(previous: bytes, *parts: Sequence[Sequence[Any]]) -> bytes:
    """As batches were chained whose `link` is 1: SHA-256 of the hash before and of the parts, their rows as JSON."""
    digest = sha256(previous)
    for part in parts:
        digest.update(orjson.dumps(part, option=orjson.OPT_UTC_Z))
    return digest.digest()
