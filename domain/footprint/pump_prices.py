"""How much fuel money bought: annual mean prices of petrol at the pump, with taxes, in the money of the country.

US Energy Information Administration, regular gasoline: 3.95, 3.51 and 3.30 dollars a gallon in 2022, 2023 and 2024.
RAC Fuel Watch, unleaded petrol in the United Kingdom: 142.0 pence a litre in 2024. ADAC, Super E10 in Germany, taken
for the euro: 1.522 and 1.860 euro a litre in 2021 and 2022. Another year takes the nearest one. Diesel costs up to a
tenth more or less, which is within what a price can tell.
"""

from dataclasses import dataclass
from decimal import Decimal

from domain.footprint.units import convert, plain

_GALLON = convert(Decimal(1), "gal_us", "L")
_A_LITRE = {
    "USD": {2022: Decimal("3.95") / _GALLON, 2023: Decimal("3.51") / _GALLON, 2024: Decimal("3.30") / _GALLON},
    "GBP": {2024: Decimal("1.420")},
    "EUR": {2021: Decimal("1.522"), 2022: Decimal("1.860")},
}
_MILLILITRE = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Fuel:
    litres: Decimal
    caveats: tuple[str, ...]


def litres_of(amount: Decimal, currency: str, year: int) -> Fuel | None:
    """None where there is no price in this currency."""
    prices = _A_LITRE.get(currency)
    if prices is None:
        return None
    taken = min(prices, key=lambda known: (abs(known - year), known))
    litres = (amount / prices[taken]).quantize(_MILLILITRE)
    price = plain(prices[taken].quantize(_MILLILITRE))
    return Fuel(
        litres, (f"{plain(amount)} {currency} bought {plain(litres)} L at {price} a litre, the mean of {taken}.",)
    )
