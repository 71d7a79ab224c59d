"""Opaque tokens of 256 random bits. Only their SHA-256 is kept, which cannot be turned back.

A refresh token's successors are kept sealed: under a pad that only the old token yields (HMAC-SHA-512). So a phone that
lost the reply can be given the same ones again, and the database alone reveals nothing.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

API_KEY_PREFIX = "gk"

_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_API_KEY = re.compile(r"gk_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_PAD_LABEL = b"gramme: successors of a refresh token"


def new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


def new_api_key() -> tuple[str, str]:
    """The key and its prefix, which may be shown to tell keys apart."""
    prefix = secrets.token_hex(4)
    return f"{API_KEY_PREFIX}_{prefix}_{new_token()}", prefix


def is_token(text: str) -> bool:
    """Whether it has the form of one; what has not needs no look-up."""
    return _TOKEN.fullmatch(text) is not None


def is_api_key(text: str) -> bool:
    return _API_KEY.fullmatch(text) is not None


def digest(text: str) -> str:
    """What is kept of a token or key: SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def seal(old_token: str, access_token: str, refresh_token: str) -> bytes:
    """64 bytes for the database. A token is used once, so its pad covers one message only."""
    return _xor(_bytes_of(access_token) + _bytes_of(refresh_token), _pad(old_token))


def unseal(old_token: str, sealed: bytes) -> tuple[str, str]:
    """The access and the refresh token that `seal` was given."""
    plain = _xor(sealed, _pad(old_token))
    return _text_of(plain[:_TOKEN_BYTES]), _text_of(plain[_TOKEN_BYTES:])


def _pad(old_token: str) -> bytes:
    return hmac.digest(old_token.encode("ascii"), _PAD_LABEL, "sha512")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _bytes_of(token: str) -> bytes:
    return urlsafe_b64decode(token + "=")


def _text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")
