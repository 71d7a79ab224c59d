"""What banks call their columns and their kinds of payments, in the languages that we have seen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.footprint.records import PaymentKind


@dataclass(frozen=True, slots=True)
class Bank:
    """What the headers of one bank tell without a look at the rows."""

    headers: frozenset[str]
    day_first: bool
    currency: str = ""


KNOWN = {
    "Monzo": Bank(frozenset({"transaction id", "emoji", "notes and #tags", "local amount"}), day_first=True),
    "Chase": Bank(
        frozenset({"transaction date", "post date", "description", "category", "type", "amount", "memo"}),
        day_first=False,
        currency="USD",
    ),
}
"""Layouts whose order of day and month is fixed; from the downloads of these banks as remembered."""

_NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "transaction date", "started date", "date", "booking date", "posting date", "posted date", "post date",
        "buchungstag", "buchungsdatum", "datum", "date operation", "date opération", "date de l'opération",
        "boekdatum", "transactiedatum", "fecha", "fecha operación", "data", "data operazione", "data contabile",
        "bokföringsdag", "completed date", "valutadatum", "value date",
    ),
    "amount": (
        "amount", "transaction amount", "betrag", "umsatz", "montant", "bedrag", "importe", "importo", "belopp",
        "beløp", "kwota", "valor",
        "amount (gbp)", "amount (eur)", "amount (usd)", "amount (aud)", "amount (cad)",
        "betrag (eur)", "bedrag (eur)", "amount eur", "amount gbp", "amount usd",
    ),
    "money_out": (
        "money out", "paid out", "debit", "debit amount", "withdrawal", "withdrawals", "soll", "débit", "cargo",
        "uscite", "out", "lastschrift",
    ),
    "money_in": (
        "money in", "paid in", "credit", "credit amount", "deposit", "deposits", "haben", "crédit", "abono",
        "entrate", "in", "gutschrift",
    ),
    "currency": ("currency", "waehrung", "währung", "devise", "munt", "muntsoort", "divisa", "moneda", "ccy"),
    "record": (
        "transaction id", "id", "transaction reference", "reference number", "referenz", "kundenreferenz", "fitid",
        "transaktions-id", "transaction_id",
    ),
    "account": (
        "auftragskonto", "account", "account number", "account no", "iban", "rekening", "compte", "cuenta", "konto",
        "card no.", "card number", "from account",
    ),
    "kind": ("type", "transaction type", "buchungstext", "umsatzart", "mutatiesoort", "tipo", "subcategory"),
    "state": ("state", "status", "info", "transaction status"),
    "category": ("category", "kategorie", "catégorie", "categorie", "categoría", "spending category"),
    "mcc": ("mcc", "merchant category code", "mcc code", "category code", "sic"),
    "fee": ("fee",),
    "direction": (
        "af bij", "debit/credit", "debit credit", "credit/debit", "dr/cr", "cr/dr", "credit debit indicator",
        "soll/haben", "sollhabenkennzeichen", "direction",
    ),
}  # fmt: skip
_PAYEES = (
    "name", "merchant", "merchant name", "partner name", "payee", "counter party", "counterparty",
    "naam / omschrijving",
    "beguenstigter/zahlungspflichtiger", "begünstigter/zahlungspflichtiger", "begünstigter / auftraggeber",
    "auftraggeber / begünstigter", "name zahlungsbeteiligter",
    "empfänger", "zahlungsempfänger", "description", "transaction description", "libellé", "libelle",
    "omschrijving", "concepto", "descrizione", "text", "details", "narrative", "particulars", "memo",
    "verwendungszweck", "reference",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; `payees` are those that may name who was paid, best first."""

    bank: str
    date: int | None
    amount: int | None
    money_out: int | None
    money_in: int | None
    currency: int | None
    record: int | None
    account: int | None
    kind: int | None
    state: int | None
    category: int | None
    mcc: int | None
    fee: int | None
    direction: int | None
    payees: tuple[int, ...]

    @property
    def are_enough(self) -> bool:
        """Dates, amounts and some text; a single column of money out or in is not enough."""
        both = self.money_out is not None and self.money_in is not None
        return self.date is not None and bool(self.payees) and (self.amount is not None or both)


def columns_of(headers: Sequence[str]) -> Columns:
    places = {name: _place(headers, names) for name, names in _NAMES.items()}
    payees = tuple(headers.index(name) for name in _PAYEES if name in headers)
    bank = next((bank for bank, known in KNOWN.items() if known.headers <= set(headers)), "bank table")
    return Columns(bank=bank, payees=payees, **places)


def _place(headers: Sequence[str], names: Sequence[str]) -> int | None:
    return next((headers.index(name) for name in names if name in headers), None)


def currency_in(headers: Sequence[str]) -> str:
    """The currency that a header names, such as amount (GBP); nothing where none does or two differ."""
    found = {
        match[1].upper() for header in headers if (match := re.search(r"\b(gbp|eur|usd|aud|cad|chf|nzd)\b", header))
    }
    return found.pop() if len(found) == 1 else ""


_KINDS: tuple[tuple[PaymentKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    for kind, words in (
        (PaymentKind.REVERTED, "reverted|reversed|declined|failed|cancelled|canceled|storniert|abgelehnt|annulé"),
        (
            PaymentKind.PENDING,
            "pending|umsatz vorgemerkt|vorgemerkt|authori[sz]ed|processing|en attente|in behandeling",
        ),
        (
            PaymentKind.TRANSFER,
            "pot transfer|transfers?|transfer out|exchange|topup|top-up|umbuchung|eigenübertrag|virement interne|"
            "payment thank you|standing order to savings|savings|investments?|loan|credit card payment|übertrag",
        ),
        (
            PaymentKind.CASH,
            "atm|cash|cash withdrawal|bargeldauszahlung|geldautomat|auszahlung|geldautomaat|retrait|cajero|bancomat",
        ),
        (
            PaymentKind.INCOME,
            "income|salary|wages|payroll|lohn|gehalt|lohn\\s*/?\\s*gehalt|rente|salaire|nomina|nómina|interest|dividend|"
            "direct deposit|reward|cashback",
        ),
    )
)
_CARD_PAYMENT = re.compile(r"payment", re.IGNORECASE)


def kind_of(words: Sequence[str], *, income: bool) -> PaymentKind:
    """From the columns of type, state and category. A bare "Payment" that lowers a card's debt is a transfer."""
    said = " / ".join(word.replace("_", " ") for word in words if word)
    for kind, pattern in _KINDS:
        if pattern.search(said) and (income or kind is not PaymentKind.INCOME):
            return kind
    if income and any(_CARD_PAYMENT.fullmatch(word.strip()) for word in words):
        return PaymentKind.TRANSFER
    return PaymentKind.PAYMENT
