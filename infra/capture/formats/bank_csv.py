"""Tables of payments as banks and cards export them: one row for each payment, whatever the bank calls its columns.

Delimiter, encoding, decimal mark and the order of day and month come from the content, or from a layout that is known
by its headers (`bank_layouts.py`). Where the whole column of dates leaves open which is the day, nothing is guessed:
the file is refused with words that say what to send instead. The same holds for decimals and for the sign of spending.

The file is read twice, first for its habits, so memory stays flat.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, tzinfo
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import iso18245

from domain.footprint.model import Rejection
from domain.footprint.records import Purchase
from infra.capture.bank_layouts import KNOWN, Columns, columns_of, currency_in, kind_of
from infra.capture.moments import LocalReader
from infra.capture.reader import Unreadable
from infra.capture.statement import (
    Names,
    account_name,
    currency_of,
    day_of,
    decimal_mark,
    digits_of,
    moment_of,
    number,
    readable,
)
from infra.capture.tables import Layout, ends_whole, layout_of, read_head, rows

SIGN_ROWS_MIN = 4
SIGN_RATIO = 3

_ISO = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)|(\d{4})(\d{2})(\d{2})(?!\d)", re.ASCII)
_PARTS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[- ./]?\s?([^\W\d_]{3,9})\.?,?[- ./]?\s?(\d{4}|\d{2})(?!\d)")
_NAMED_FIRST = re.compile(r"([^\W\d_]{3,9})\.? (\d{1,2}),? (\d{4})(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class _Habits:
    """What the first reading of a file finds out."""

    def __init__(self) -> None:
        self.rows = self.spent = self.received = 0
        self.first_over_12 = self.second_over_12 = self.open_dates = 0
        self.points = self.commas = self.open_marks = 0

    def see_date(self, text: str) -> None:
        match = _PARTS.match(text.strip()) if not _ISO.match(text.strip()) else None
        if match is None or match[2] == ".":
            return
        first, second = int(match[1]), int(match[3])
        self.first_over_12 += first > 12
        self.second_over_12 += second > 12
        self.open_dates += first <= 12 and second <= 12 and first != second

    def see_amount(self, text: str) -> None:
        digits = digits_of(text)
        if digits is None:
            return
        mark = decimal_mark(digits)
        if mark is None:
            self.open_marks += 1
        self.points += mark == "."
        self.commas += mark == ","
        self.spent += digits.startswith("-")
        self.received += not digits.startswith("-") and digits.strip("0.,") != ""

    def day_first(self, known: bool | None) -> bool:
        if known is not None or not (self.first_over_12 or self.second_over_12 or self.open_dates):
            return known is not False
        if bool(self.first_over_12) == bool(self.second_over_12):
            raise Unreadable(
                "AMBIGUOUS_DATES",
                "The dates do not show which number is the day and which the month. Export the file with dates such "
                "as 2026-04-03, or for a time that has days after the 12th.",
            )
        return self.first_over_12 > 0

    def mark(self) -> str:
        if self.open_marks and bool(self.points) == bool(self.commas):
            raise Unreadable(
                "AMBIGUOUS_AMOUNTS",
                "The amounts do not show whether their mark parts thousands or decimals. Export the file with "
                "two decimals.",
            )
        return "," if self.commas and not self.points else "."

    def check_sign(self) -> None:
        mostly = self.received >= SIGN_ROWS_MIN and self.received >= SIGN_RATIO * self.spent
        if mostly or (self.received and not self.spent):
            raise Unreadable(
                "AMBIGUOUS_SIGN",
                "Nearly all amounts are above zero, so it is open whether they are spending or income. Export the "
                "file with spending below zero, or with columns for money in and money out.",
            )


class BankCsvReader(LocalReader):
    name = "BANK_CSV"
    description = "Bank and card statements as CSV, of any bank whose columns can be told."
    file_kinds = (".csv", ".zip")

    def recognises(self, head: bytes) -> bool:
        return _layout(head) is not None

    def read(self, path: Path) -> Iterator[Purchase | Rejection]:
        layout = _layout(read_head(path))
        if layout is None:
            raise Unreadable("UNKNOWN_FORMAT", "The table has no columns of dates and amounts.")
        columns = columns_of(layout.headers)
        known = KNOWN.get(columns.bank)
        habits = _habits(path, layout, columns)
        day_first, mark = habits.day_first(known.day_first if known else None), habits.mark()
        if columns.amount is not None and known is None and columns.direction is None:
            habits.check_sign()
        currency = known.currency if known else currency_in(layout.headers)
        statement = _Statement(columns, day_first, mark, currency, self.zone)
        whole = ends_whole(path, layout)
        last: tuple[int, list[str]] | None = None
        for line, row in rows(path, layout):
            if last is not None:
                yield statement.judged(last[1], last[0])
            last = line, row
        if last is not None and not whole and len(last[1]) < len(layout.headers):
            yield Rejection("CUT_ROW", "The last row is incomplete: the file was cut short.", line=last[0])
        elif last is not None:
            yield statement.judged(last[1], last[0])
            if not whole:
                text = "The last line has no end: the file may have been cut short."
                yield Rejection("NO_END", text, line=last[0], note=True)


def _layout(head: bytes) -> Layout | None:
    return layout_of(head, lambda headers: columns_of(headers).are_enough)


def _habits(path: Path, layout: Layout, columns: Columns) -> _Habits:
    habits = _Habits()
    for _line, row in rows(path, layout):
        habits.rows += 1
        habits.see_date(_cell(row, columns.date))
        for column in (columns.amount, columns.money_out, columns.money_in):
            if text := _cell(row, column):
                habits.see_amount(text)
    return habits


class _Statement:
    def __init__(self, columns: Columns, day_first: bool, mark: str, currency: str, zone: tzinfo) -> None:
        self.columns = columns
        self.day_first = day_first
        self.mark = mark
        self.currency = currency
        self.zone = zone
        self.names = Names()

    def judged(self, row: Sequence[str], line: int) -> Purchase | Rejection:
        columns = self.columns
        payee = readable(_first(row, columns.payees))
        day = _day(_cell(row, columns.date), self.day_first)
        if day is None:
            shown = readable(_cell(row, columns.date))[:40]
            return Rejection(
                "BAD_DATE", f"The row has no date that exists: {shown!r}.", line=line, record=payee or None
            )
        spent = self._spent(row)
        if spent is None:
            return Rejection("NOT_A_NUMBER", "The row has no amount of money.", line=line, record=payee or None)
        account = _cell(row, columns.account).strip()
        currency = currency_of(_cell(row, columns.currency)) or self.currency
        source = account_name(account) if account else f"{columns.bank} {currency}".strip()
        words = [_cell(row, column) for column in (columns.kind, columns.state, columns.category)]
        said = (day.isoformat(), str(spent), currency, *(_cell(row, column) for column in columns.payees))
        return Purchase(
            source=source,
            record=self.names.of(source, readable(_cell(row, columns.record)), *said),
            at=moment_of(day, self.zone),
            amount=spent,
            currency=currency,
            payee=payee,
            mcc=_mcc(_cell(row, columns.mcc)),
            line=line,
            kind=kind_of(words, income=spent < 0),
            category=readable(_cell(row, columns.category)),
        )

    def _spent(self, row: Sequence[str]) -> Decimal | None:
        """What was spent, with the bank's fee, which Revolut keeps in a column of its own."""
        columns = self.columns
        if columns.amount is not None:
            amount = self._amount(_cell(row, columns.amount))
            fee = self._amount(_cell(row, columns.fee)) if _cell(row, columns.fee).strip() else Decimal(0)
            if amount is None or fee is None:
                return None
            sign = -1
            if columns.direction is not None:
                direction = _cell(row, columns.direction).strip().casefold()
                if direction in _OUT or direction in _IN:
                    amount, sign = abs(amount), 1 if direction in _OUT else -1
            return sign * amount + abs(fee)
        out, came = _cell(row, columns.money_out).strip(), _cell(row, columns.money_in).strip()
        spent = abs(value) if (value := self._amount(out or "0")) is not None else None
        received = abs(value) if (value := self._amount(came or "0")) is not None else None
        return None if spent is None or received is None or not (out or came) else spent - received

    def _amount(self, text: str) -> Decimal | None:
        digits = digits_of(text)
        if digits is None:
            return None
        own = decimal_mark(digits)
        return number(digits, own or self.mark)


_OUT = {"debit", "debet", "af", "dr", "d", "s", "soll", "out", "débit"}
_IN = {"credit", "bij", "cr", "c", "h", "haben", "in", "crédit"}


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""


def _first(row: Sequence[str], columns: Sequence[int]) -> str:
    return next((text for column in columns if (text := _cell(row, column).strip())), "")


@lru_cache(1_000)
def _mcc(text: str) -> str | None:
    """The code where ISO 18245 knows it. Programs that take it for a number drop its leading zero."""
    code = text.strip().removesuffix(".0")
    if not re.fullmatch(r"\d{3,4}", code, re.ASCII):
        return None
    try:
        return str(iso18245.get_mcc(code.zfill(4)).mcc)
    except iso18245.MCCNotFound:
        return None


def _day(text: str, day_first: bool) -> date | None:
    """The date at the start of the cell; a time after it says nothing about the day."""
    text = text.strip()
    if match := _ISO.match(text):
        year, month, day = (match[1], match[3], match[4]) if match[1] else (match[5], match[6], match[7])
        return day_of(int(year), int(month), int(day))
    if match := _PARTS.match(text):
        first, second = int(match[1]), int(match[3])
        day, month = (first, second) if day_first or match[2] == "." else (second, first)
        return day_of(_year(match[4]), month, day)
    if match := _NAMED.match(text):
        return _named(match[1], match[2], match[3])
    if match := _NAMED_FIRST.match(text):
        return _named(match[2], match[1], match[3])
    return None


def _named(day: str, month: str, year: str) -> date | None:
    start = month[:3].casefold()
    return day_of(_year(year), _MONTHS.index(start) + 1, int(day)) if start in _MONTHS else None


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) == 2 else int(text)


READER = BankCsvReader()
