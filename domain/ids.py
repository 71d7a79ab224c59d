"""Identifiers: which number or UUID names what, and how new ones are made."""

import re
import secrets
import string
from datetime import datetime
from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
OwnerId = NewType("OwnerId", int)
"""Pseudonym of a person or partner in the ledger; numbers below FIRST_OWNER are the system's own accounts."""
OrderId = NewType("OrderId", int)
"""The sequence of the command that placed the order."""
RedemptionId = NewType("RedemptionId", int)
"""The sequence of the command that made the redemption."""
EntryId = NewType("EntryId", int)
PartnerId = NewType("PartnerId", UUID)

FIRST_OWNER = 1_000
NOBODY = 0
"""No owner and no thing has this number: a command that names something unknown carries it, and is refused for ever."""
SYSTEM_CALLER = 0
"""Whose commands come from the clock."""

_CANONICAL_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


def new_id(now: datetime) -> UUID:
    """A time-ordered UUID (version 7, RFC 9562 section 5.7): 48 bits of milliseconds, 74 random bits."""
    milliseconds = int(now.timestamp() * 1_000) & (2**48 - 1)
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def new_topic_key() -> str:
    """26 letters and digits that nobody can guess: 134 bits."""
    return "".join(secrets.choice(string.digits + string.ascii_lowercase) for _ in range(26))


def client_key(text: str) -> UUID | None:
    """A key made by a client: the 8-4-4-4-12 form of a UUID in either case, or None where it is anything else."""
    return UUID(text) if _CANONICAL_UUID.fullmatch(text) else None
