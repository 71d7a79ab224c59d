"""What may still be done with a refresh token: each is good once, and what was good once betrays a thief.

Reuse ends the whole session (RFC 9700 section 4.14.2), with one exception: a phone that lost the reply asks again, soon
and before it used what it was sent, and gets the very same tokens.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
LOST_REPLY_GRACE = timedelta(seconds=30)


class Verdict(Enum):
    ROTATE = "ROTATE"
    REPEAT = "REPEAT"
    REUSED = "REUSED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """`used_at` is when its successor was made, `successor_used` whether that one was refreshed in its turn."""

    expires_at: datetime
    used_at: datetime | None
    successor_used: bool


def judge(token: RefreshToken, now: datetime) -> Verdict:
    if token.used_at is None:
        return Verdict.ROTATE if now < token.expires_at else Verdict.EXPIRED
    if now - token.used_at <= LOST_REPLY_GRACE and not token.successor_used:
        return Verdict.REPEAT
    return Verdict.REUSED
