"""Money in dollars of 2022, and fuel by its price."""

from decimal import Decimal

import pytest

from domain.footprint.price_levels import home_currency, worth_in_2022
from domain.footprint.pump_prices import litres_of


@pytest.mark.parametrize(
    ("amount", "currency", "year", "dollars"),
    [
        ("100", "USD", 2022, "100.0000"),
        ("100", "USD", 2023, "96.0463"),
        ("100", "EUR", 2022, "105.3000"),
        ("100", "GBP", 2022, "123.4814"),
        ("41.07", "GBP", 2026, "48.6792"),
        ("-5", "GBP", 2026, "-5.9264"),
        ("1000", "JPY", 2020, "10.5996"),
        ("0", "EUR", 2026, "0.0000"),
    ],
)
def test_worth(amount: str, currency: str, year: int, dollars: str) -> None:
    worth = worth_in_2022(Decimal(amount), currency, year)
    assert worth is not None
    assert str(worth.dollars) == dollars


def test_the_caveat_can_be_computed_again() -> None:
    worth = worth_in_2022(Decimal("41.07"), "GBP", 2026)
    assert worth is not None
    assert worth.caveats == (
        "41.07 GBP = 55.1663 USD at the mean rate of 2026 (1 EUR = 0.86121 GBP = 1.1568 USD; ECB); "
        "55.1663 USD of 2026 x 292.655 / 331.655 = 48.6792 USD of 2022 (consumer prices; BLS).",
    )


@pytest.mark.parametrize(("currency", "year", "taken"), [("EUR", 2001, 2009), ("EUR", 2030, 2026), ("ISK", 2012, 2018)])
def test_a_year_without_figures_takes_the_nearest(currency: str, year: int, taken: int) -> None:
    worth, nearest = worth_in_2022(Decimal(1), currency, year), worth_in_2022(Decimal(1), currency, taken)
    assert worth is not None
    assert nearest is not None
    assert worth.dollars == nearest.dollars
    assert worth.caveats[-1] == f"There are no rates and prices of {year}: those of {taken} were taken."


def test_money_without_a_rate() -> None:
    assert worth_in_2022(Decimal(1), "XAU", 2022) is None
    assert litres_of(Decimal(1), "JPY", 2022) is None


@pytest.mark.parametrize(
    ("region", "currency"), [("US-CA", "USD"), ("DE", "EUR"), ("JP", "JPY"), ("AQ", None), ("", None)]
)
def test_the_money_at_home(region: str, currency: str | None) -> None:
    assert home_currency(region) == currency


@pytest.mark.parametrize(
    ("amount", "currency", "year", "litres"),
    [
        ("142", "GBP", 2024, "100.000"), ("142", "GBP", 2020, "100.000"), ("39.50", "USD", 2022, "37.854"),
        ("18.6", "EUR", 2026, "10.000"),
    ],
)  # fmt: skip
def test_litres(amount: str, currency: str, year: int, litres: str) -> None:
    bought = litres_of(Decimal(amount), currency, year)
    assert bought is not None
    assert str(bought.litres) == litres
