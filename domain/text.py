"""Text that a person or a program wrote: checks at the edge of the services, and how it is shown."""

from domain.errors import InvalidInput


def checked_text(text: str, field: str, *, most: int, least: int = 1) -> str:
    """The text without blanks around it; raises InvalidInput for a wrong length, NUL, controls, lone surrogates."""
    text = text.strip()
    if not least <= len(text) <= most:
        raise InvalidInput(f"{field} must have {least} to {most} characters.", field)
    if not is_storable(text) or any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise InvalidInput(f"{field} holds characters that cannot be stored.", field)
    return text


def shown(text: str, most: int = 40) -> str:
    """The beginning of what a stranger wrote, as it can be shown to a person and stored."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:most])


def is_storable(text: str) -> bool:
    """True where Postgres takes it: no NUL, no lone surrogate."""
    return "\0" not in text and not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


CODE_CHARACTERS_MAX = 64


def is_code(text: str) -> bool:
    """True for what can be the code of an asset or instrument, so that nothing longer is ever stored in the log."""
    return 0 < len(text) <= CODE_CHARACTERS_MAX and is_storable(text)
