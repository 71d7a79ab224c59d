"""What a person tells about themselves, brought to one form: name, region, language and time zone."""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

from domain.errors import InvalidInput

NAME_MAX = 100
PUSH_TOKEN_MAX = 4096

_REGION = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_LOCALE = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.IGNORECASE)
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})


def name(text: str, field: str) -> str:
    """1 to 100 characters without surrounding spaces; raises InvalidInput for `field`."""
    trimmed = text.strip()
    if not 1 <= len(trimmed) <= NAME_MAX:
        raise InvalidInput(f"A name has 1 to {NAME_MAX} characters.", field=field)
    if any(map(_is_unprintable, trimmed)):
        raise InvalidInput("This name has a character that cannot be shown.", field=field)
    return trimmed


def region(text: str) -> str:
    """ISO 3166-1 alpha-2 (CN) or ISO 3166-2 (CN-GD) in capitals; of a subdivision only the form is checked."""
    code = text.strip().upper()
    match = _REGION.fullmatch(code)
    if match is None or match[1] not in countries():
        raise InvalidInput(
            "This region is unknown. Write a country's two letters (ISO 3166-1) like CN, or a part of it like CN-GD.",
            field="region",
        )
    return code


@cache
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes as the time zone database lists them (iso3166.tab, in the tzdata distribution)."""
    table = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text(encoding="utf-8")
    return frozenset(line[:2] for line in table.splitlines() if line and not line.startswith("#"))


def locale(text: str) -> str:
    """A language tag (BCP 47: language, script, region) in its usual letter case, like zh-Hans-CN."""
    match = _LOCALE.fullmatch(text.strip())
    if match is None:
        raise InvalidInput("This language is unknown. Write a tag like en, de-CH or zh-Hans-CN.", field="locale")
    language, script, territory = match.groups()
    parts = (language.lower(), script and script.title(), territory and territory.upper())
    return "-".join(part for part in parts if part)


def time_zone(text: str) -> str:
    """A name of the IANA time zone database, as it stands there."""
    key = text.strip()
    if key not in time_zones():
        raise InvalidInput("This time zone is unknown. Write one like Europe/Paris or UTC.", field="timeZone")
    return key


@cache
def time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


def push_token(text: str) -> str:
    if not 1 <= len(text) <= PUSH_TOKEN_MAX or not text.isascii() or not text.isprintable():
        raise InvalidInput("This is not a push token: send it as the platform gave it out.", field="pushToken")
    return text


def _is_unprintable(character: str) -> bool:
    """Control, surrogate, private and unassigned characters, and those that turn the direction of what follows.

    Other format characters stay: Persian needs the zero-width non-joiner, families of emoji the joiner.
    """
    return unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} or unicodedata.bidirectional(
        character
    ) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
