"""What the readers of bank statements share: days, amounts, text, and the identity of a line.

A bank writes the day of a payment, mostly without a zone. That day is kept as it is written: at noon in the zone of the
person who sent the file.
"""

import hashlib
import re
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal

TEXT_MAX = 160
_INTEGER_DIGITS_MAX = 12

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_BLANKS = re.compile(r"\s+")
_GROUPED = re.compile(r"\d{1,3}([ '\u2019\u00a0\u202f])\d{3}(\1\d{3})*(?=\D|$)|\d+", re.ASCII)
_SIGNS = {"\u2212": "-", "\u2013": "-", "\uff0d": "-"}
_MONEY_SIGNS = re.compile(r"[$\u00a3\u20ac\u00a5\u20b9]|\b[A-Z]{3}\b|\bkr\b|\bz\u0142\b")


def moment_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(12), zone).astimezone(UTC)


def day_of(year: int, month: int, day: int) -> date | None:
    """None for one that does not exist, or that no bank account can be as old as."""
    try:
        return date(year, month, day) if year > 1900 else None
    except ValueError:
        return None


def currency_of(text: str) -> str:
    """The code of three letters, or nothing where there is none."""
    code = text.strip().upper()
    return code if _CURRENCY.fullmatch(code) else ""


def readable(text: str) -> str:
    """The text on one line without controls, at most TEXT_MAX characters."""
    line = _BLANKS.sub(" ", text).strip()
    if len(line) <= TEXT_MAX and line.isprintable():
        return line
    return "".join(letter for letter in line if letter.isprintable())[:TEXT_MAX].strip()


def digits_of(text: str) -> str | None:
    """A written amount as sign, digits and decimal marks; None where it is no amount.

    Currency signs and blanks or apostrophes between groups of three are dropped, (12.00) and 12.00- are below zero.
    """
    body = text.strip()
    if not body.isascii():
        body = "".join(_SIGNS.get(letter, letter) for letter in body)
    negative = False
    if body.startswith("(") and body.endswith(")"):
        negative, body = True, body[1:-1].strip()
    body = _MONEY_SIGNS.sub("", body).strip()
    if body.endswith(("-", "+")):
        body = body[-1] + body[:-1].strip()
    if body[:1] in "+-":
        negative ^= body[:1] == "-"
        body = _MONEY_SIGNS.sub("", body[1:]).strip()
    whole = _GROUPED.match(body)
    if whole is not None:
        body = re.sub(r"\D", "", whole[0]) + body[whole.end() :]
    if not re.fullmatch(r"\d*([.,]\d*)*", body, re.ASCII) or not any(letter.isdigit() for letter in body):
        return None
    return ("-" if negative else "") + body


def decimal_mark(digits: str) -> str | None:
    """Which mark starts the decimals of this amount: "." or ",", "" where it has none, None where it cannot be told."""
    marks = [letter for letter in digits if letter in ".,"]
    if not marks:
        return ""
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) > 1:
        return "." if marks[0] == "," else ","
    return None if re.search(r"\d[.,]\d{3}$", digits) and not re.match(r"-?0[.,]", digits) else marks[0]


def number(digits: str, mark: str) -> Decimal | None:
    """The amount where `mark` starts the decimals and the other mark parts thousands; None where that cannot be."""
    whole, _, decimals = digits.partition(mark)
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouping = "," if mark == "." else "."
    if grouping in decimals or mark in decimals or len(decimals) > 8:
        return None
    if grouping in whole and not re.fullmatch(rf"\d{{1,3}}(\{grouping}\d{{2,3}})*\{grouping}\d{{3}}", whole):
        return None
    whole = whole.replace(grouping, "")
    if len(whole.lstrip("0")) > _INTEGER_DIGITS_MAX:
        return None
    return Decimal(f"{sign}{whole or '0'}.{decimals or '0'}")


def number_alone(text: str) -> Decimal | None:
    """An amount with no others beside it: a single mark starts the decimals."""
    digits = digits_of(text)
    if digits is None:
        return None
    return number(digits, decimal_mark(digits) or next((letter for letter in digits if letter in ".,"), "."))


def _digest(*parts: str) -> bytes:
    """A short name of these parts for ever."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).digest()[:12]


def account_name(*numbers: str) -> str:
    """Tells accounts apart and shows no more of a number than its last four characters."""
    last = re.sub(r"\W", "", next((number for number in reversed(numbers) if number), ""), flags=re.ASCII)[-4:]
    name = _digest(*numbers).hex()[:12]
    return f"account ..{last} {name}" if last else f"account {name}"


class Names:
    """Gives each line of a file a name that it has in every export: its own id, else what it says and how often."""

    def __init__(self) -> None:
        self._said: dict[bytes, bytes] = {}
        self._times: dict[bytes, int] = {}

    def of(self, account: str, own: str, *said: str) -> str:
        """One id under two different lines is a fault of the bank: the second gets a name of its own."""
        content = _digest(account, *said)
        if own:
            key = _digest(account, own)
            return own if self._said.setdefault(key, content) == content else f"{own}#{content.hex()}"
        self._times[content] = self._times.get(content, 0) + 1
        return f"{content.hex()}-{self._times[content]}"
