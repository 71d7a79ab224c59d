"""OFX and QFX, what banks give to accounting programs: SGML without end tags (1.x) or XML (2.x).

Read here token by token: of the libraries, ofxparse gives an empty account for a file that was cut and takes NaN,
bankfile reads the first statement only, and neither sees bank lines of an investment account. Real files are declared
ASCII and hold Windows-1252, write decimals with a comma, leave ids empty and put the header on one line. Entities other
than the five of XML are left as they stand, so nothing is ever expanded or fetched.
"""

import codecs
import html
import re
from collections.abc import Iterator
from datetime import date, tzinfo
from decimal import Decimal
from pathlib import Path

from domain.footprint.model import Rejection
from domain.footprint.records import PaymentKind, Purchase
from infra.capture.moments import LocalReader
from infra.capture.reader import Unreadable
from infra.capture.statement import (
    Names,
    account_name,
    currency_of,
    day_of,
    moment_of,
    number_alone,
    readable,
)
from infra.capture.tables import text_of

BLOCK_BYTES = 65_536
TOKEN_MAX_BYTES = 65_536
DEPTH_MAX = 64

_START = re.compile(rb"OFXHEADER\s*[:=]|<OFX>", re.IGNORECASE)
_TAG = re.compile(rb"(/?)([A-Za-z][A-Za-z0-9._]*)(?:\s[^<>]*)?/?")
_CDATA = b"![CDATA["
_STATEMENTS = {"STMTRS", "CCSTMTRS", "INVSTMTRS"}
_ACCOUNTS = {"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"}
_INSIDE_LINES = {"CURRENCY", "ORIGCURRENCY", "PAYEE", "BANKACCTTO", "CCACCTTO"}
_AGGREGATES = {"OFX", "STMTTRN", *_STATEMENTS, *_ACCOUNTS, *_INSIDE_LINES}
"""The tags that are known to hold others. Any other may be an empty value without an end tag, so it opens nothing."""
_KINDS = {
    "XFER": PaymentKind.TRANSFER,
    "ATM": PaymentKind.CASH,
    "CASH": PaymentKind.CASH,
    "HOLD": PaymentKind.PENDING,
    "INT": PaymentKind.INCOME,
    "DIV": PaymentKind.INCOME,
    "DEP": PaymentKind.INCOME,
    "DIRECTDEP": PaymentKind.INCOME,
}
"""By TRNTYPE. A deposit is income only where money comes in; XFER and cash are none of spending either way."""


class _Statement:
    """What of a file is known so far: the account that is open and the transaction that is open in it."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self.names = Names()
        self.path: list[str] = []
        self.account: dict[str, str] = {}
        self.currency = ""
        self.line: dict[str, str] | None = None
        self.line_number = 0
        self.statements = 0
        self.lines = 0
        self.ended = False

    def opened(self, tag: str, number: int) -> Iterator[Purchase | Rejection]:
        if tag == "STMTTRN":
            yield from self.closed_line()
            self.line, self.line_number = {}, number
        elif tag in _STATEMENTS:
            yield from self.closed_line()
            self.statements += 1
            self.account, self.currency = {}, ""
        elif tag in _ACCOUNTS and self.line is None:
            self.account = {}
        if tag in _AGGREGATES:
            if len(self.path) >= DEPTH_MAX:
                raise Unreadable("TOO_DEEP", "The file is nested deeper than any bank statement.")
            self.path.append(tag)

    def ended_tag(self, tag: str) -> Iterator[Purchase | Rejection]:
        if tag in self.path:
            while self.path.pop() != tag:
                pass
        if tag == "STMTTRN":
            yield from self.closed_line()
        elif tag == "OFX":
            self.ended = True

    def value(self, tag: str, text: str) -> None:
        """A leaf: of a transaction, of its account, or of none of our business."""
        parent = self.path[-1] if self.path else ""
        if self.line is not None:
            if parent == "STMTTRN":
                self.line.setdefault(tag, text)
            elif parent == "CURRENCY" and tag in {"CURSYM", "CURRENCY"}:
                self.line["CURRENCY"] = text
            elif parent == "PAYEE" and tag == "NAME":
                self.line.setdefault("NAME", text)
        elif parent in _ACCOUNTS:
            self.account[tag] = text
        elif tag == "CURDEF":
            self.currency = text

    def closed_line(self) -> Iterator[Purchase | Rejection]:
        if self.line is not None:
            values, self.line = self.line, None
            self.lines += 1
            yield self._purchase(values)

    def _purchase(self, values: dict[str, str]) -> Purchase | Rejection:
        said = readable(values.get("NAME") or values.get("MEMO", ""))
        written, when = values.get("TRNAMT", ""), values.get("DTPOSTED", "")
        day = _day(when) or _day(values.get("DTUSER", ""))
        if day is None:
            return self._fault("BAD_DATE", f"The transaction has no date that exists: {_shown(when)!r}.", said)
        amount = _amount(written)
        if amount is None:
            return self._fault("NOT_A_NUMBER", f"The amount is not one of money: {_shown(written)!r}.", said)
        numbers = [self.account.get(tag, "") for tag in ("BROKERID", "BANKID", "BRANCHID", "ACCTID")]
        source = account_name(*numbers)
        kind = _KINDS.get(values.get("TRNTYPE", "").strip().upper(), PaymentKind.PAYMENT)
        if kind is PaymentKind.INCOME and amount < 0:
            kind = PaymentKind.PAYMENT
        sic = values.get("SIC", "").strip()
        return Purchase(
            source=source,
            record=self.names.of(source, readable(values.get("FITID", "")), when[:8], written, said),
            at=moment_of(day, self.zone),
            amount=-amount,
            currency=currency_of(values.get("CURRENCY", "") or self.currency),
            payee=said,
            mcc=sic if re.fullmatch(r"\d{4}", sic, re.ASCII) else None,
            line=self.line_number,
            kind=kind,
        )

    def _fault(self, code: str, reason: str, said: str) -> Rejection:
        return Rejection(code, reason, line=self.line_number, record=said or None)


class OfxReader(LocalReader):
    name = "OFX"
    description = "Bank and card statements as OFX or QFX."
    file_kinds = (".ofx", ".qfx", ".zip")

    def recognises(self, head: bytes) -> bool:
        return _START.search(_plain(head)) is not None

    def read(self, path: Path) -> Iterator[Purchase | Rejection]:
        state = _Statement(self.zone)
        tag = ""
        for kind, text, line in _tokens(path):
            if kind == "text":
                if tag and text.strip():
                    state.value(tag, text.strip())
                    tag = ""
            elif kind == "open":
                yield from state.opened(text, line)
                tag = text
            else:
                yield from state.ended_tag(text)
                tag = ""
        if not state.ended:
            raise Unreadable("TRUNCATED", "The file ends before its end tag: it was cut short. Download it again.")
        if not state.statements:
            raise Unreadable("NO_STATEMENT", "The file holds no statement of an account.")
        if not state.lines:
            yield Rejection("NO_TRANSACTIONS", f"The file holds {state.statements} statements, all empty.", note=True)


def _plain(head: bytes) -> bytes:
    """The bytes of a UTF-16 file without the zeros, for looking at its start."""
    return head.replace(b"\0", b"") if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else head


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces of an encoding in which < and > are single bytes."""
    with path.open("rb") as file:
        first = file.read(BLOCK_BYTES)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            decoder = codecs.getincrementaldecoder("utf-16")()
            while first:
                yield decoder.decode(first).encode("utf-8", "replace")
                first = file.read(BLOCK_BYTES)
            return
        while first:
            yield first
            first = file.read(BLOCK_BYTES)


def _tokens(path: Path) -> Iterator[tuple[str, str, int]]:
    """("open" or "close", tag) or ("text", value), with the line where it starts."""
    rest, line = b"", 1
    for block in _blocks(path):
        rest += block
        at = 0
        while (token := _next(rest, at)) is not None:
            kind, text, end = token
            if kind:
                yield kind, text, line
            line += rest.count(b"\n", at, end)
            at = end
        rest = rest[at:]
        if len(rest) > TOKEN_MAX_BYTES + BLOCK_BYTES:
            raise Unreadable("DAMAGED_FILE", f"Line {line} holds more than any tag or value of a bank statement.")


def _next(rest: bytes, at: int) -> tuple[str, str, int] | None:
    """The token that starts at `at` and the place after it, None where it is not complete."""
    if rest[at : at + 1] != b"<":
        end = rest.find(b"<", at)
        return None if end < 0 else ("text", html.unescape(text_of(rest[at:end])), end)
    if rest.startswith(_CDATA, at + 1):
        end = rest.find(b"]]>", at)
        return None if end < 0 else ("text", text_of(rest[at + 1 + len(_CDATA) : end]), end + 3)
    if len(rest) < at + 1 + len(_CDATA) and b">" not in rest[at:]:
        return None
    end = rest.find(b">", at)
    if end < 0:
        return None
    match = _TAG.fullmatch(rest, at + 1, end)
    if match is None:
        return "", "", end + 1
    return ("close" if match[1] else "open"), match[2].decode("ascii").upper(), end + 1


def _day(text: str) -> date | None:
    digits = text.strip()[:8]
    if len(digits) < 8 or not (digits.isascii() and digits.isdecimal()):
        return None
    return day_of(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def _amount(text: str) -> Decimal | None:
    """The format knows no thousands: a single mark starts the decimals."""
    if not re.fullmatch(r"[+-]?[\d., ]+", text.strip(), re.ASCII):
        return None
    return number_alone(text)


def _shown(text: str) -> str:
    return readable(text)[:40]


READER = OfxReader()
