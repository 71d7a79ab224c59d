"""Bank statements: every sample is read as `expected.json` beside it says, and what cannot be known is asked."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.footprint.model import Rejection
from domain.footprint.records import PaymentKind, Purchase
from infra.capture.reader import Unreadable
from infra.capture.registry import reader_of
from infra.capture.statement import account_name, decimal_mark, digits_of, number
from tests.infra.capture.files import DATA, expected


def read(path: Path) -> tuple[list[Purchase], list[Rejection]]:
    items = list(reader_of(path).read(path))
    return [item for item in items if isinstance(item, Purchase)], [
        item for item in items if isinstance(item, Rejection)
    ]


def payments(purchases: Sequence[Purchase]) -> list[Purchase]:
    """What is left when transfers, cash, income and what did not happen are gone."""
    return [purchase for purchase in purchases if purchase.kind is PaymentKind.PAYMENT]


def total(purchases: Sequence[Purchase]) -> Decimal:
    return sum((purchase.amount for purchase in purchases), Decimal(0))


# ---------------------------------------------------------------- OFX

OFX = expected("ofx")
FILE_SAYS = {"bank_medium.ofx": {"currency": "CAD"}}
"""The note beside this sample says USD; its CURDEF is CAD."""


@pytest.mark.parametrize("name", [name for name, values in OFX.items() if "transactions" in values])
def test_ofx(name: str) -> None:
    values = {**OFX[name], **FILE_SAYS.get(name, {})}
    purchases, rejections = read(DATA / "ofx" / name)
    assert len({(purchase.source, purchase.record) for purchase in purchases}) == values["transactions"]
    assert -total(purchases) == Decimal(values.get("sum", "0"))
    assert [rejection for rejection in rejections if not rejection.note] == []
    if "currency" in values:
        assert {purchase.currency for purchase in purchases} == {values["currency"]}
    if "first" in values:
        first = values["first"]
        assert purchases[0].at.date() == date.fromisoformat(first["date"])
        assert (-purchases[0].amount, purchases[0].payee) == (Decimal(first["amount"]), first["payee"])


def test_two_empty_accounts_are_named() -> None:
    purchases, rejections = read(DATA / "ofx" / "multiple_accounts.ofx")
    assert purchases == []
    assert [(item.code, item.reason) for item in rejections] == [
        ("NO_TRANSACTIONS", "The file holds 2 statements, all empty.")
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ofx/decimal_error.ofx", [("BAD_DATE", 34, "Fail1")]),
        (
            "ofx/date_missing.ofx",
            [("BAD_DATE", 33, "TestFail1"), ("BAD_DATE", 40, "TestFail2"), ("BAD_DATE", 48, "TestFail2")],
        ),
        ("malformed/ofx_nan_amount.ofx", [("NOT_A_NUMBER", 43, "ANON MERCHANT")]),
        ("malformed/ofx_huge_amount.ofx", [("NOT_A_NUMBER", 43, "ANON MERCHANT")]),
    ],
)
def test_a_row_that_cannot_be_is_reported(name: str, told: list[tuple[str, int, str]]) -> None:
    purchases, rejections = read(DATA / name)
    assert purchases == []
    assert [(item.code, item.line, item.record) for item in rejections] == told


@pytest.mark.parametrize(("name", "code"), [("ofx_truncated.ofx", "TRUNCATED"), ("ofx_html.ofx", "WEB_PAGE")])
def test_ofx_that_is_refused_whole(name: str, code: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(DATA / "malformed" / name)
    assert refusal.value.code == code


def test_the_same_id_twice_is_one_transaction() -> None:
    purchases, _rejections = read(DATA / "malformed" / "ofx_same_fitid_twice.ofx")
    assert len({(purchase.source, purchase.record) for purchase in purchases}) == 1
    assert {purchase.amount for purchase in purchases} == {Decimal("10.00")}


def test_two_accounts_stay_apart() -> None:
    purchases, _rejections = read(DATA / "malformed" / "ofx_two_accounts.ofx")
    assert [str(-purchase.amount) for purchase in purchases] == expected("malformed")["ofx_two_accounts.ofx"]["sums"]
    assert len({purchase.source for purchase in purchases}) == 2


def test_money_back_is_below_zero() -> None:
    [purchase], _rejections = read(DATA / "malformed" / "ofx_refund.ofx")
    assert (purchase.amount, purchase.kind) == (Decimal("-10.00"), PaymentKind.PAYMENT)


def test_windows_letters_in_a_file_that_says_ascii() -> None:
    [purchase], _rejections = read(DATA / "ofx" / "non-ascii-byte-declared-usascii.qfx")
    assert purchase.payee == "ANON \u00a6 MERCHANT"


def ofx(lines: str, ending: str = "</BANKTRANLIST></STMTRS></OFX>") -> bytes:
    return (
        "OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>2</BANKACCTFROM><BANKTRANLIST>"
        f"{lines}{ending}"
    ).encode()


def line(amount: str = "-5", fitid: str = "A1", rest: str = "<NAME>Shop") -> str:
    return f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260115<TRNAMT>{amount}<FITID>{fitid}{rest}</STMTTRN>"


def test_two_payments_under_one_id_both_count(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(ofx(line("-5", "0") + line("-7", "0") + line("-5", "0")))
    purchases, _rejections = read(file)
    amounts = {(purchase.source, purchase.record): purchase.amount for purchase in purchases}
    assert sorted(amounts.values()) == [5, 7]


def test_payments_without_id_count_as_often_as_they_stand_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(ofx(line(fitid="") + line(fitid="") + line(fitid="", amount="-6")))
    first, _rejections = read(file)
    again, _rejections = read(file)
    assert len({purchase.record for purchase in first}) == 3
    assert [purchase.record for purchase in again] == [purchase.record for purchase in first]


def test_an_empty_tag_without_an_end_swallows_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(ofx(line(rest="<CHECKNUM>\n<REFNUM>\n<NAME>Shop &amp; Co<MEMO>")))
    [purchase], rejections = read(file)
    assert (purchase.payee, purchase.amount, rejections) == ("Shop & Co", Decimal(5), [])


def test_the_account_of_the_other_side_is_not_ours(tmp_path: Path) -> None:
    file = tmp_path / "file"
    rest = "<NAME>Rent<BANKACCTTO><BANKID>9<ACCTID>999</BANKACCTTO>"
    file.write_bytes(ofx(line(rest=rest) + line(fitid="A2")))
    purchases, _rejections = read(file)
    assert {purchase.source for purchase in purchases} == {account_name("", "1", "", "2")}


def test_a_statement_says_for_itself_whose_money_it_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    second = f"<STMTRS><BANKTRANLIST>{line(fitid='B1')}</BANKTRANLIST></STMTRS>"
    file.write_bytes(ofx(line(), f"</BANKTRANLIST></STMTRS>{second}</OFX>"))
    purchases, _rejections = read(file)
    assert [purchase.currency for purchase in purchases] == ["EUR", ""]
    assert purchases[1].source == account_name("", "", "", "")


def test_what_a_bank_adds_inside_a_transaction_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(ofx(line(rest="<NAME>Shop<X.MORE><NAME>Other<TRNAMT>-900<FITID>Z</X.MORE>")))
    [purchase], _rejections = read(file)
    assert (purchase.payee, purchase.amount, purchase.record) == ("Shop", 5, "A1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_encodings_of_ofx(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(ofx(line(rest="<NAME>Bäckerei Müller")).decode().encode(encoding))
    [purchase], _rejections = read(file)
    assert purchase.payee == "Bäckerei Müller"


# ---------------------------------------------------------------- bank tables

BANK = expected("bank_csv")


def test_monzo() -> None:
    purchases, rejections = read(DATA / "bank_csv" / "constructed_monzo.csv")
    values = BANK["constructed_monzo.csv"]
    spent = payments(purchases)
    assert rejections == []
    assert len(purchases) == values["rows"]
    assert total(spent) == Decimal(values["spend_gbp"])
    for category, amount in values["by"].items():
        assert total([item for item in spent if item.category == category]) == Decimal(amount)
    assert [purchase.at.date().isoformat() for purchase in purchases][:3] == ["2026-03-01", "2026-03-01", "2026-03-02"]
    assert [purchase.kind.value for purchase in purchases] == [
        "PAYMENT", "PAYMENT", "PAYMENT", "INCOME", "PAYMENT", "TRANSFER",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "key", "currency"),
    [("constructed_revolut.csv", "spend_eur", "EUR"), ("constructed_chase_card.csv", "spend_usd", "USD")],
)
def test_what_is_no_spending_is_told_apart(name: str, key: str, currency: str) -> None:
    purchases, rejections = read(DATA / "bank_csv" / name)
    assert (len(purchases), rejections) == (BANK[name]["rows"], [])
    assert total(payments(purchases)) == Decimal(BANK[name][key])
    assert {purchase.currency for purchase in purchases} == {currency}


def test_the_kinds_of_revolut() -> None:
    purchases, _rejections = read(DATA / "bank_csv" / "constructed_revolut.csv")
    assert [purchase.kind.value for purchase in purchases] == ["PAYMENT", "PENDING", "REVERTED", "TRANSFER"]
    assert purchases[2].amount == Decimal("90.50")


def test_sparkasse() -> None:
    purchases, _rejections = read(DATA / "bank_csv" / "constructed_sparkasse_camt.csv")
    assert -total(purchases) == Decimal(BANK["constructed_sparkasse_camt.csv"]["sum_eur"])
    assert [(purchase.payee, purchase.at.date().isoformat()) for purchase in purchases] == [
        ("REWE Köln", "2026-03-02"),
        ("Stadtwerke Köln", "2026-03-03"),
    ]


def test_formulas_stay_text() -> None:
    purchases, _rejections = read(DATA / "bank_csv" / "constructed_injection.csv")
    assert -total(purchases) == Decimal(BANK["constructed_injection.csv"]["sum"])
    assert [purchase.payee for purchase in purchases] == [
        '=HYPERLINK("http://127.0.0.1/","x")',
        "<script>alert(1)</script>",
        "+1-2",
    ]


def table(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "table"
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ((DATA / "bank_csv" / "constructed_ambiguous_dates.csv").read_text(), "AMBIGUOUS_DATES"),
        ("Date,Text,Amount\n13/04/2026,a,-1.00\n04/13/2026,b,-2.00\n", "AMBIGUOUS_DATES"),
        ("Date,Text,Amount\n2026-03-01,a,-1.234\n2026-03-02,b,-2.345\n", "AMBIGUOUS_AMOUNTS"),
        ('Date,Text,Amount\n2026-03-01,a,"-1,234"\n2026-03-02,b,"-1,5"\n2026-03-02,b,-1.5\n', "AMBIGUOUS_AMOUNTS"),
        ("Date,Text,Amount\n2026-03-01,a,12.00\n2026-03-02,b,3.00\n", "AMBIGUOUS_SIGN"),
        ("Date,Text,Amount\n" + "2026-03-01,a,12.00\n" * 6 + "2026-03-02,b,-3.00\n", "AMBIGUOUS_SIGN"),
    ],
)
def test_what_cannot_be_told_is_asked(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Unreadable) as question:
        read(table(tmp_path, text))
    assert question.value.code == code
    assert "Export the file" in question.value.reason


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Date,Text,Amount\n03/04/2026,a,-1.00\n13/04/2026,b,-2.00\n", ["2026-04-03", "2026-04-13"]),
        ("Date,Text,Amount\n03/04/2026,a,-1.00\n03/14/2026,b,-2.00\n", ["2026-03-04", "2026-03-14"]),
        ("Date,Text,Amount\n03.04.26,a,-1.00\n04.04.2026,b,-2.00\n", ["2026-04-03", "2026-04-04"]),
        ("Date,Text,Amount\n20260403,a,-1.00\n2026/4/4 10:00,b,-2.00\n", ["2026-04-03", "2026-04-04"]),
        ("Date,Text,Amount\n3 Apr 2026,a,-1.00\nApr 4 2026,b,-2.00\n", ["2026-04-03", "2026-04-04"]),
        ("Date,Text,Amount\n05/05/2026,a,-1.00\n06/06/2026,b,-2.00\n", ["2026-05-05", "2026-06-06"]),
    ],
)
def test_the_order_of_day_and_month(tmp_path: Path, text: str, days: list[str]) -> None:
    purchases, rejections = read(table(tmp_path, text))
    assert ([purchase.at.date().isoformat() for purchase in purchases], rejections) == (days, [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_encodings(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = 'Kontoauszug\n\nDate,Text,Amount,MCC\n2026-03-01,"Bäckerei",-1.50,5462\n'.replace(",", delimiter)
    [purchase], _rejections = read(table(tmp_path, text, encoding))
    assert (purchase.payee, purchase.amount, purchase.mcc, purchase.line) == ("Bäckerei", Decimal("1.50"), "5462", 4)


@pytest.mark.parametrize(
    ("code", "mcc"),
    [
        ("5411", "5411"),
        ("742", "0742"),
        ("5812.0", "5812"),
        ("0000", None),
        ("abcd", None),
        ("", None),
        ("54111", None),
    ],
)
def test_only_codes_that_exist_are_taken(tmp_path: Path, code: str, mcc: str | None) -> None:
    [purchase], _rejections = read(table(tmp_path, f"Date,Text,Amount,MCC\n2026-03-01,a,-1.50,{code}\n"))
    assert purchase.mcc == mcc


def test_money_out_and_money_in(tmp_path: Path) -> None:
    text = "Date,Details,Paid out,Paid in\n2026-03-01,Shop,12.50,\n2026-03-02,Shop,,2.50\n2026-03-03,None,,\n"
    purchases, rejections = read(table(tmp_path, text))
    assert [purchase.amount for purchase in purchases] == [Decimal("12.50"), Decimal("-2.50")]
    assert [(rejection.code, rejection.line) for rejection in rejections] == [("NOT_A_NUMBER", 4)]


def test_a_column_that_says_which_way(tmp_path: Path) -> None:
    text = 'Datum;Naam / Omschrijving;Af Bij;Bedrag (EUR)\n20260301;Winkel;Af;"12,50"\n20260302;Winkel;Bij;"2,50"\n'
    purchases, _rejections = read(table(tmp_path, text))
    assert [(purchase.amount, purchase.currency) for purchase in purchases] == [
        (Decimal("12.50"), "EUR"),
        (Decimal("-2.50"), "EUR"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.034,56", "1034.56"), ("1,034.56", "1034.56"), ("-78,00", "-78.00"), ("(12.00)", "-12.00"),
        ("12.00-", "-12.00"), ("\u221212.00", "-12.00"), ("\u00a312.34", "12.34"), ("12,34 \u20ac", "12.34"),
        ("1 234,50", "1234.50"), ("1'234.50", "1234.50"), ("1\u202f234,50", "1234.50"), ("-$1,234.56", "-1234.56"),
        ("$-5.00", "-5.00"), ("1,23,456.50", "123456.50"), ("1.234.567", "1234567"), ("+3.5", "3.5"), (".5", "0.5"),
        ("0,500", "0.500"), ("12 EUR", "12"),
    ],
)  # fmt: skip
def test_amounts(text: str, value: str) -> None:
    digits = digits_of(text)
    assert digits is not None
    assert number(digits, decimal_mark(digits) or ".") == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["", "-", "NaN", "Infinity", "1e400", "1E5", "0x10", "1..2", "1,2,3", "1.2.3,4", "--5", "5%", "=1+1", "1 2",
     "\u0663", "9" * 40, "1.123456789", "1,2345,678.00", "12.34.56", "\u00bd", "1_000"],
)  # fmt: skip
def test_what_is_no_amount(text: str) -> None:
    digits = digits_of(text)
    assert digits is None or number(digits, decimal_mark(digits) or ".") is None


@pytest.mark.parametrize(
    ("text", "payee", "kind", "category"),
    [
        ("Date,Counter Party,Reference,Type,Amount (GBP),Balance (GBP),Spending Category\n"
         "13/03/2026,Tesco,x,CARD,-5.00,1,GROCERIES\n", "Tesco", "PAYMENT", "GROCERIES"),
        ("Number,Date,Account,Amount,Subcategory,Memo\n,13/03/2026,12-34 567,-5.00,FUNDS TRANSFER,SAVE\n",
         "SAVE", "TRANSFER", ""),
        ('"Booking Date","Value Date","Partner Name","Partner Iban","Type","Payment Reference","Amount (EUR)"\n'
         '"2026-03-13","2026-03-13","Rewe","","Presentment","","-5.0"\n', "Rewe", "PAYMENT", ""),
        ("Buchungstag;Wert;Umsatzart;Begünstigter / Auftraggeber;Verwendungszweck;Soll;Haben;Währung\n"
         "13.03.2026;13.03.2026;Kartenzahlung;Rewe;x;-5,00;;EUR\n", "Rewe", "PAYMENT", ""),
    ],
)  # fmt: skip
def test_layouts_of_other_banks(tmp_path: Path, text: str, payee: str, kind: str, category: str) -> None:
    [purchase], rejections = read(table(tmp_path, text))
    assert (purchase.payee, purchase.kind, purchase.category, rejections) == (payee, kind, category, [])
    assert (purchase.amount, purchase.at.date().isoformat()) == (5, "2026-03-13")


def test_the_same_rows_have_the_same_names_in_a_longer_export(tmp_path: Path) -> None:
    march = "2026-03-30,Kiosk,-2.00\n2026-03-31,Kiosk,-2.00\n2026-03-31,Kiosk,-2.00\n"
    shorter, _rejections = read(table(tmp_path, "Date,Text,Amount\n" + march))
    longer, _rejections = read(table(tmp_path, "Date,Text,Amount\n2026-03-01,Kiosk,-9.00\n" + march))
    assert len({purchase.record for purchase in longer}) == 4
    assert {purchase.record for purchase in shorter} <= {purchase.record for purchase in longer}


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu", "America/Sao_Paulo", "Pacific/Apia"])
def test_the_day_is_the_one_that_the_bank_wrote(zone: str) -> None:
    own = ZoneInfo(zone)
    path = DATA / "ofx" / "fidelity-savings.ofx"
    days = [item.at.astimezone(own).date().isoformat() for item in reader_of(path, own).read(path)]
    assert days == ["2012-07-20", "2012-07-27", "2012-07-27", "2012-07-27"]
