"""Which category a payment has: by merchant category, by the name of the payee, by the bank's own word."""

import re

from domain.footprint.spend_table import CATEGORIES, Category

INCOME = re.compile(
    r"\b(?:salary|payroll|wages|lohn|gehalt|salaire|dividend|interest|zinsen|pension|rente|benefit|tax refund|"
    r"cashback)\b"
)
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_FOLDED = str.maketrans("äöüßáàâãéèêëíìîïóòôõúùûçñåø", "aousaaaaeeeeiiiioooouuucnao")
_DIGITS = re.compile(r"\b\w*\d\w*\b")


def _patterns(texts: list[tuple[Category, str]]) -> list[tuple[Category, re.Pattern[str]]]:
    return [(category, re.compile(rf"\b(?:{text})\b")) for category, text in texts if text]


_BY_PAYEE = _patterns([(category, category.payees) for category in CATEGORIES])
_BY_WORD = [(category, re.compile(category.words)) for category in CATEGORIES if category.words]


def _codes() -> dict[str, Category]:
    codes = {}
    for category in CATEGORIES:
        for part in category.mcc.split():
            first, _, last = part.partition("-")
            for code in range(int(first), int(last or first) + 1):
                codes[f"{code:04}"] = category
    return codes


_BY_MCC = _codes()


def folded(text: str) -> str:
    """Lower case letters and digits of the payee, single blanks between: Bäckerei-Müller 12 is backerei muller 12."""
    return _NO_LETTER.sub(" ", text.casefold().translate(_FOLDED)).strip()


def payee_key(payee: str) -> str:
    """What is the same for every branch and receipt of a payee: words without a digit in them."""
    text = folded(payee)
    return " ".join(_DIGITS.sub(" ", text).split()) or text


def category_of(mcc: str | None, payee: str, word: str) -> Category | None:
    """The merchant category decides, then the payee, then the bank's word; None where none of them tells."""
    if mcc is not None and mcc in _BY_MCC:
        return _BY_MCC[mcc]
    name = folded(payee)
    for category, pattern in _BY_PAYEE:
        if pattern.search(name):
            return category
    own = word.casefold().strip()
    return next((category for category, pattern in _BY_WORD if pattern.fullmatch(own)), None)
