"""What a payment becomes: counted, asked about, or not counted and why."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.footprint.answers import NOT_COUNTED, StandingAnswer, answered
from domain.footprint.model import ActivityStatus
from domain.footprint.purchase_draft import DIESEL, PETROL, draft_of_purchase
from domain.footprint.records import PaymentKind, Purchase
from domain.footprint.spend_categories import category_of, payee_key
from domain.footprint.spend_table import ASKED, CATEGORIES, Use

FACTORS = Path(__file__).parents[3] / "infra" / "factors"
AT = datetime(2022, 3, 1, 12, tzinfo=UTC)


def purchase(payee: str = "Shop 7", **fields: Any) -> Purchase:
    values: dict[str, Any] = {
        "source": "bank", "record": "1", "at": AT, "amount": Decimal(100), "currency": "USD", "payee": payee
    }  # fmt: skip
    return Purchase(**(values | fields))


def test_every_factor_exists_and_is_counted_in_dollars() -> None:
    with (FACTORS / "spend_us_epa_v1_3.csv").open(encoding="utf-8", newline="") as file:
        units = {row["factor_id"]: row["unit"] for row in csv.DictReader(file)}
    assert {units[category.factor] for category in CATEGORIES if category.use is not Use.NONE} == {"USD_2022"}


def test_no_merchant_code_has_two_categories() -> None:
    codes: list[int] = []
    for category in CATEGORIES:
        for part in category.mcc.split():
            first, _, last = part.partition("-")
            codes.extend(range(int(first), int(last or first) + 1))
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("mcc", "naics"),
    [
        ("5411", "311999"), ("5422", "311999"), ("5499", "311999"), ("5812", "722511"), ("5814", "722513"),
        ("5813", "722515"), ("7011", "721110"), ("3500", "721110"), ("3999", "721110"), ("5912", "325412"),
        ("0742", "311111"), ("5732", "334310"),
    ],
)  # fmt: skip
def test_merchant_codes_that_count_at_once(mcc: str, naics: str) -> None:
    draft = draft_of_purchase(purchase("Tesco", mcc=mcc), "GB")
    assert (draft.activity, draft.status, draft.quantity) == (f"spend.naics.{naics}", ActivityStatus.COUNTED, 100)
    assert (draft.unit, draft.region, draft.reason) == ("USD_2022", "US", "")


@pytest.mark.parametrize(
    ("mcc", "label"),
    [
        ("4111", "local transport"), ("4131", "local transport"), ("4112", "rail"), ("4121", "taxis"),
        ("3000", "flights"), ("3299", "flights"), ("4511", "flights"),
    ],
)  # fmt: skip
def test_a_ticket_may_be_a_trip_that_is_counted_already(mcc: str, label: str) -> None:
    draft = draft_of_purchase(purchase(mcc=mcc), "GB")
    assert (draft.status, draft.topic) == (ActivityStatus.QUARANTINED, f"trips {label}")
    assert answered(draft, StandingAnswer(NOT_COUNTED)).activity is None
    assert answered(draft, StandingAnswer(draft.activity or "")).status is ActivityStatus.COUNTED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": PaymentKind.TRANSFER}, "A transfer moves money and buys nothing."),
        ({"kind": PaymentKind.CASH}, "What cash was spent on cannot be known."),
        ({"kind": PaymentKind.INCOME}, "Money that came in is no spending."),
        ({"kind": PaymentKind.PENDING}, "The payment is pending. It counts when the bank has booked it."),
        ({"kind": PaymentKind.REVERTED}, "The payment was taken back."),
        ({"mcc": "6010"}, "This is transfers, cash and savings: nothing was bought."),
        ({"mcc": "6011"}, "This is transfers, cash and savings: nothing was bought."),
        ({"mcc": "6012"}, "This is transfers, cash and savings: nothing was bought."),
        ({"mcc": "9311"}, "This is taxes and fines: nothing was bought."),
        ({"mcc": "4900"}, "A meter or a charger counts this energy: electricity, gas and water."),
        ({"mcc": "5411", "currency": "XAU"}, "There is no exchange rate for XAU."),
        ({"mcc": "5541", "currency": "JPY"}, "How much fuel this was cannot be told: no pump price in JPY."),
        ({"payee": "ACME LTD SALARY", "amount": Decimal(-2100)}, "Money that came in is no spending."),
        ({"payee": "DIVIDEND EARNED FOR PERIOD", "amount": Decimal("-0.01")}, "Money that came in is no spending."),
        ({"payee": "Stadtwerke Köln"}, "A meter or a charger counts this energy: electricity, gas and water."),
        ({"payee": "ELECTRIC BILL"}, "A meter or a charger counts this energy: electricity, gas and water."),
    ],
)  # fmt: skip
def test_what_is_not_counted_and_why(fields: dict[str, Any], reason: str) -> None:
    draft = draft_of_purchase(purchase(**fields), "GB")
    assert (draft.activity, draft.quantity, draft.reason) == (None, 0, reason)


@pytest.mark.parametrize(
    ("payee", "label"),
    [
        ("TESCO STORES 2041", "groceries"), ("SAINSBURY'S S/MKTS", "groceries"), ("REWE Köln", "groceries"),
        ("EFTPOS WDL HANDYWAY ALDI STORE", "groceries"), ("Bäckerei Müller", "groceries"),
        ("SNCF INTERNET PARIS", "rail"), ("TfL", "local transport"), ("UBER *TRIP", "taxis"),
        ("UBER EATS", "restaurants"), ("Ryanair", "flights"),
        ("UNITED      0162345678901", "flights"), ("UNITED WAY", None), ("SHELL OIL 5744", "fuel"),
        ("SEASHELL SHOP", None),
        ("MCDONALD'S #112", "quick meals"), ("CONNIE'S HAIR D", "personal services"), ("H&M 0123", "clothes"),
        ("RETURNED CHECK FEE, CHECK # 319", "bank charges"), ("TotalEnergies", "fuel"), ("TOTAL WINE", None),
        ("Check Paid #0000001001", None), ("ANON MERCHANT", None), ("", None), ("=HYPERLINK(1)", None),
        ("Ö" * 200, None),
    ],
)  # fmt: skip
def test_payees(payee: str, label: str | None) -> None:
    category = category_of(None, payee, "")
    assert (category.label if category else None) == label


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Groceries", "groceries"), ("Gas", "fuel"), ("Eating out", "restaurants"), ("Travel", None),
        ("Shopping", None),
    ],
)  # fmt: skip
def test_the_word_of_the_bank(word: str, label: str | None) -> None:
    category = category_of(None, "ANON", word)
    assert (category.label if category else None) == label


def test_the_merchant_code_is_believed_before_the_name() -> None:
    category = category_of("5541", "TESCO PETROL 2041", "Groceries")
    assert category is not None
    assert category.label == "fuel"


def test_an_unknown_code_leaves_it_to_the_name() -> None:
    category = category_of("5999", "TESCO", "")
    assert category is not None
    assert category.label == "goods of many kinds"
    unknown = category_of("7993", "Tesco", "")
    assert unknown is not None
    assert unknown.label == "leisure"
    assert category_of("1234", "Tesco", "") is not None


def test_what_nothing_tells_is_asked() -> None:
    draft = draft_of_purchase(purchase("ANON MERCHANT 12"), "GB")
    assert draft.status is ActivityStatus.QUARANTINED
    assert (
        draft.reason == "What is ANON MERCHANT 12? Choose what you bought there, or discard it if it was no purchase."
    )
    assert draft.activity in draft.choices
    assert draft.choices == tuple(category.factor for category in ASKED)
    assert draft.topic == "payee anon merchant"


def test_a_refund_lowers_its_category() -> None:
    draft = draft_of_purchase(purchase("Tesco", amount=Decimal(-5)), "GB")
    assert (draft.activity, draft.quantity, draft.status) == ("spend.naics.311999", -5, ActivityStatus.COUNTED)


def test_money_from_somebody_unknown_is_asked() -> None:
    draft = draft_of_purchase(purchase("ANON", amount=Decimal(-5)), "GB")
    assert (draft.quantity, draft.status) == (-5, ActivityStatus.QUARANTINED)
    assert "money back" in draft.reason


def test_a_word_of_income_makes_no_income_of_what_was_paid() -> None:
    draft = draft_of_purchase(purchase("INTEREST CHARGED", amount=Decimal(12)), "GB")
    assert (draft.quantity, draft.status) == (12, ActivityStatus.QUARANTINED)


def test_money_of_another_country_and_year() -> None:
    draft = draft_of_purchase(
        purchase("Tesco", currency="GBP", amount=Decimal("41.07"), at=AT.replace(year=2026)), "GB"
    )
    assert draft.quantity == Decimal("48.6792")
    assert draft.caveats[0].startswith("41.07 GBP = 55.1663 USD at the mean rate of 2026")
    assert draft.caveats[-1].startswith("The factor is an average of groceries in the United States")


def test_a_file_that_names_no_currency_is_in_that_of_the_person() -> None:
    draft = draft_of_purchase(purchase("Tesco", currency=""), "GB")
    assert draft.quantity == Decimal("123.4814")
    assert draft.caveats[0] == "The file names no currency: GBP was taken."
    assert draft_of_purchase(purchase("Tesco", currency=""), "AQ").activity is None


@pytest.mark.parametrize(("region", "count"), [("GB", 1), ("GB-SCT", 1), ("US", 2), ("DE", 2)])
def test_fuel_of_another_country_says_so(region: str, count: int) -> None:
    draft = draft_of_purchase(purchase(mcc="5541", amount=Decimal(33), currency="USD"), region)
    assert len(draft.caveats) == count
    assert ("United Kingdom" in draft.caveats[-1]) is (count == 2)


def test_fuel_is_litres_and_asked_once() -> None:
    draft = draft_of_purchase(purchase("SHELL OIL", amount=Decimal("39.50")), "US-CA")
    assert (draft.activity, draft.unit, draft.quantity, draft.topic) == (PETROL, "L", Decimal("37.854"), "fuel")
    assert (draft.status, draft.choices) == (ActivityStatus.QUARANTINED, (PETROL, DIESEL))


@pytest.mark.parametrize("mcc", ["5411", None, "4511"])
def test_a_large_sum_is_asked_each_time(mcc: str | None) -> None:
    draft = draft_of_purchase(purchase(amount=Decimal(10_001), mcc=mcc), "GB")
    assert (draft.status, draft.topic) == (ActivityStatus.QUARANTINED, "")


@pytest.mark.parametrize(
    ("payee", "key"),
    [
        ("TESCO STORES 2041", "tesco stores"), ("Tesco Stores 9999", "tesco stores"),
        ("AMZN Mktp DE*2K4LT0", "amzn mktp de"),
        ("7-ELEVEN 123", "eleven"), ("123", "123"), ("", ""),
    ],
)  # fmt: skip
def test_what_is_the_same_for_every_branch(payee: str, key: str) -> None:
    assert payee_key(payee) == key


# ---------------------------------------------------------------- answers


def test_an_answer_holds_for_the_payee() -> None:
    draft = answered(draft_of_purchase(purchase("ANON 1"), "GB"), StandingAnswer("spend.naics.812112"))
    assert (draft.activity, draft.status, draft.reason, draft.choices) == (
        "spend.naics.812112",
        ActivityStatus.COUNTED,
        "",
        (),
    )
    assert draft.caveats[-1] == "Counted as you answered before."


def test_an_answer_corrects_what_was_counted() -> None:
    draft = answered(draft_of_purchase(purchase("Tesco"), "GB"), StandingAnswer("spend.naics.315280"))
    assert (draft.activity, draft.status) == ("spend.naics.315280", ActivityStatus.COUNTED)


def test_what_was_discarded_is_not_counted_again() -> None:
    draft = answered(draft_of_purchase(purchase("SHELL"), "GB"), StandingAnswer(NOT_COUNTED))
    assert (draft.activity, draft.quantity) == (None, 0)
    assert draft.reason == "You said that it is not to be counted."


@pytest.mark.parametrize("answer", ["energy.electricity.grid", "transport.bus.local_average", PETROL])
def test_an_answer_that_does_not_fit_is_let_be(answer: str) -> None:
    draft = draft_of_purchase(purchase("ANON 1"), "GB")
    assert answered(draft, StandingAnswer(answer)) == draft


@pytest.mark.parametrize("fields", [{"kind": PaymentKind.TRANSFER}, {"amount": Decimal(20_000)}])
def test_no_answer_changes_what_is_no_spending_or_too_large(fields: dict[str, Any]) -> None:
    draft = draft_of_purchase(purchase("ANON 1", **fields), "GB")
    assert answered(draft, StandingAnswer("spend.naics.812112")) == draft
