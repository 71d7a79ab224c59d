"""What an amount of money was worth in US dollars of 2022, the unit of spend factors.

An amount is changed into dollars at the mean rate of its own year, and those into dollars of 2022 by consumer prices:

- rates: European Central Bank, euro foreign exchange reference rates, mean of the days of each year (of 2026 until
  30 October), units for one euro, five digits;
- prices: US Bureau of Labor Statistics, CPI-U, US city average, all items, not seasonally adjusted (CUUR0000SA0),
  annual average; of 2026 the mean of January to August.

Neither is adjusted between regions of one country, and a year outside the tables takes the nearest one, with a caveat.
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.footprint.units import plain

FIRST_YEAR = 2009
PRICE_YEAR = 2022
_CENT_OF_A_CENT = Decimal("0.0001")

_RATES = (
    "AUD 1.7727 1.4423 1.3484 1.2407 1.3777 1.4719 1.4777 1.4883 1.4732 1.5797 1.6109 1.6549 1.5749 1.5167 1.6288 "
    "1.6397 1.7518 1.6454",
    "BGN 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 1.9558 "
    "1.9558 1.9558",
    "BRL 2.7674 2.3314 2.3265 2.5084 2.8687 3.1211 3.7004 3.8561 3.6054 4.3085 4.4134 5.8943 6.3779 5.4399 5.4010 "
    "5.8283 6.3072 5.9531",
    "CAD 1.5850 1.3651 1.3761 1.2842 1.3684 1.4661 1.4186 1.4659 1.4647 1.5294 1.4855 1.5300 1.4826 1.3695 1.4595 "
    "1.4821 1.5787 1.6059",
    "CHF 1.5100 1.3803 1.2326 1.2053 1.2311 1.2146 1.0679 1.0902 1.1117 1.1550 1.1124 1.0705 1.0811 1.0047 0.97180 "
    "0.95263 0.93703 0.92418",
    "CNY 9.5277 8.9712 8.9960 8.1052 8.1646 8.1857 6.9733 7.3522 7.6290 7.8081 7.7355 7.8747 7.6282 7.0788 7.6600 "
    "7.7875 8.1185 7.8757",
    "CZK 26.435 25.284 24.590 25.149 25.980 27.536 27.279 27.034 26.326 25.647 25.670 26.455 25.640 24.566 24.004 "
    "25.120 24.688 24.292",
    "DKK 7.4462 7.4473 7.4506 7.4437 7.4579 7.4548 7.4587 7.4452 7.4386 7.4532 7.4661 7.4542 7.4370 7.4396 7.4509 "
    "7.4589 7.4634 7.4733",
    "GBP 0.89094 0.85784 0.86788 0.81087 0.84926 0.80612 0.72584 0.81948 0.87667 0.88471 0.87777 0.88970 0.85960 "
    "0.85276 0.86979 0.84662 0.85679 0.86121",
    "HKD 10.811 10.299 10.836 9.9663 10.302 10.302 8.6014 8.5922 8.8045 9.2559 8.7715 8.8587 9.1932 8.2451 8.4650 "
    "8.4454 8.8104 9.0601",
    "HUF 280.33 275.48 279.37 289.25 296.87 308.71 310.00 311.44 309.19 318.89 325.30 351.25 358.52 391.29 381.85 "
    "395.30 397.77 368.58",
    "IDR 14444 12042 12207 12046 13857 15749 14870 14721 15118 16803 15835 16627 16921 15625 16480 17158 18623 20228",
    "ILS - - 4.9775 4.9536 4.7948 4.7449 4.3122 4.2489 4.0622 4.2423 3.9901 3.9258 3.8208 3.5345 3.9880 4.0067 "
    "3.8927 3.5132",
    "INR 67.361 60.588 64.886 68.597 77.930 81.041 71.196 74.372 73.532 80.733 78.836 84.639 87.439 82.686 89.300 "
    "90.556 98.524 108.86",
    "ISK - - - - - - - - - 127.89 137.28 154.59 150.15 142.24 149.13 149.31 144.66 142.66",
    "JPY 130.34 116.24 110.96 102.49 129.66 140.31 134.31 120.20 126.71 130.40 122.01 121.85 129.88 138.03 151.99 "
    "163.85 169.04 183.30",
    "KRW 1772.9 1531.8 1541.2 1447.7 1453.9 1398.1 1256.5 1284.2 1276.7 1299.1 1305.3 1345.6 1354.1 1358.1 1412.9 "
    "1475.4 1605.5 1676.0",
    "MXN 18.799 16.737 17.288 16.903 16.964 17.655 17.616 20.667 21.329 22.705 21.557 24.519 23.985 21.187 19.183 "
    "19.831 21.670 20.244",
    "MYR 4.9079 4.2668 4.2558 3.9672 4.1855 4.3446 4.3373 4.5835 4.8527 4.7634 4.6374 4.7959 4.9015 4.6279 4.9320 "
    "4.9503 4.8339 4.6501",
    "NOK 8.7278 8.0043 7.7934 7.4751 7.8067 8.3544 8.9496 9.2906 9.3270 9.5975 9.8511 10.723 10.163 10.103 11.425 "
    "11.629 11.717 11.039",
    "NZD 2.2121 1.8377 1.7600 1.5867 1.6206 1.5995 1.5930 1.5886 1.5897 1.7065 1.6998 1.7561 1.6724 1.6582 1.7622 "
    "1.7880 1.9422 1.9847",
    "PHP 66.338 59.739 60.260 54.246 56.428 58.979 50.522 52.556 56.973 62.210 57.985 56.615 58.299 57.314 60.163 "
    "62.007 64.977 70.433",
    "PLN 4.3276 3.9947 4.1206 4.1847 4.1975 4.1843 4.1841 4.3632 4.2570 4.2615 4.2976 4.4430 4.5652 4.6861 4.5420 "
    "4.3058 4.2397 4.2820",
    "RON 4.2399 4.2122 4.2391 4.4593 4.4190 4.4437 4.4454 4.4904 4.5688 4.6540 4.7453 4.8383 4.9215 4.9313 4.9467 "
    "4.9746 5.0424 5.1961",
    "SEK 10.619 9.5373 9.0298 8.7041 8.6515 9.0985 9.3535 9.4689 9.6351 10.258 10.589 10.485 10.146 10.630 11.479 "
    "11.433 11.066 10.924",
    "SGD 2.0241 1.8055 1.7489 1.6055 1.6619 1.6823 1.5255 1.5275 1.5588 1.5926 1.5273 1.5742 1.5891 1.4512 1.4523 "
    "1.4458 1.4756 1.4793",
    "THB 47.804 42.014 42.429 39.928 40.830 43.147 38.028 39.043 38.296 38.164 34.757 35.708 37.837 36.856 37.631 "
    "38.181 37.116 37.715",
    "TRY 2.1631 1.9965 2.3378 2.3135 2.5335 2.9065 3.0255 3.3433 4.1206 5.7077 6.3578 8.0547 10.512 17.409 25.760 "
    "35.573 44.816 53.342",
    "USD 1.3948 1.3257 1.3920 1.2848 1.3281 1.3285 1.1095 1.1069 1.1297 1.1810 1.1195 1.1422 1.1827 1.0530 1.0813 "
    "1.0824 1.1300 1.1568",
    "ZAR 11.674 9.6984 10.097 10.551 12.833 14.404 14.172 16.264 15.049 15.619 16.176 18.765 17.477 17.209 19.955 "
    "19.830 20.179 18.954",
)
"""A dash is a year without a rate."""
_CONSUMER_PRICES = (
    "214.537 218.056 224.939 229.594 232.957 236.736 237.017 240.007 245.120 251.107 255.657 258.811 270.970 292.655 "
    "304.702 313.689 321.943 331.655"
)
_HOMES = (
    "EUR AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC MT NL PT SI SK SM VA AD ME XK;"
    "USD US PR EC SV;GBP GB IM JE GG;"
    "AUD AU;BRL BR;CAD CA;CHF CH LI;CNY CN;CZK CZ;DKK DK GL FO;HKD HK;HUF HU;IDR ID;ILS IL;INR IN;ISK IS;JPY JP;KRW KR;"
    "MXN MX;MYR MY;NOK NO;NZD NZ;PHP PH;PLN PL;RON RO;SEK SE;SGD SG;THB TH;TRY TR;ZAR ZA"
)


def _years(row: str) -> dict[int, Decimal]:
    return {FIRST_YEAR + at: Decimal(value) for at, value in enumerate(row.split()) if value != "-"}


_PER_EURO = {row[:3]: _years(row[4:]) for row in _RATES}
_PER_EURO["EUR"] = {year: Decimal(1) for year in _PER_EURO["USD"]}
_PRICES = _years(_CONSUMER_PRICES)
_HOME_CURRENCY = {
    country: currency
    for currency, *countries in (group.split() for group in _HOMES.split(";"))
    for country in countries
}


@dataclass(frozen=True, slots=True)
class Worth:
    """`dollars` of 2022 and the sentences that say how they came about."""

    dollars: Decimal
    caveats: tuple[str, ...]


def home_currency(region: str) -> str | None:
    """The money of the country of this region; None where we have no rate for it."""
    return _HOME_CURRENCY.get(region.partition("-")[0])


def worth_in_2022(amount: Decimal, currency: str, year: int) -> Worth | None:
    """None where there is no rate for the currency."""
    if currency not in _PER_EURO:
        return None
    taken = min(_PER_EURO[currency], key=lambda known: (abs(known - year), known))
    own, dollar = _PER_EURO[currency][taken], _PER_EURO["USD"][taken]
    dollars = amount / own * dollar
    real = dollars * _PRICES[PRICE_YEAR] / _PRICES[taken]
    changed = ""
    if currency != "USD":
        rate = f"1 EUR = {plain(own)} {currency} = {plain(dollar)} USD" if currency != "EUR" else f"{plain(dollar)} USD"
        changed = f"{plain(amount)} {currency} = {_shown(dollars)} USD at the mean rate of {taken} ({rate}; ECB); "
    level = f"{plain(_PRICES[PRICE_YEAR])} / {plain(_PRICES[taken])}"
    prices = f"{_shown(dollars)} USD of {taken} x {level} = {_shown(real)} USD of {PRICE_YEAR} (consumer prices; BLS)."
    nearest = () if taken == year else (f"There are no rates and prices of {year}: those of {taken} were taken.",)
    return Worth(real.quantize(_CENT_OF_A_CENT), (changed + prices, *nearest))


def _shown(dollars: Decimal) -> str:
    return plain(dollars.quantize(_CENT_OF_A_CENT))
