"""Things of the domain on their way from the engine to an API process, as JSON: {"Order": [its fields in order]}.

An order's instrument travels as its number; whoever reads knows the instruments. Everything else travels whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from operator import attrgetter
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

import orjson

from domain.ledger.model import Asset, Balance
from domain.orders.model import Instrument, Order
from domain.rewards.model import Offer, Partner, Redemption

Instruments = Mapping[int, Instrument]
_Reader = Callable[[Any, Instruments], Any]

_TRAVEL = (Order, Balance, Asset, Redemption, Offer, Partner)
_HERE_ONLY = frozenset({"level", "place", "siblings"})
"""What is true of the object in the engine's book alone."""
_WIDE = frozenset({"notional"})
"""Numbers that may pass 64 bits, which is where JSON's end here; they travel as text, after the others."""


def plain(value: Any) -> bytes:
    """JSON of values that hold things of the domain; what cannot travel goes as null."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def _plain(thing: Any) -> Any:
    if isinstance(thing, UUID):
        return str(thing)  # Those that were read from Postgres are of a class of their own.
    known = _TRAVELLERS.get(type(thing))
    return {known.name: known.values(thing)} if known is not None else None


def state_of(value: Any, instruments: Instruments) -> Any:
    """The way back; lists come back for tuples. Raises LookupError for an instrument or a thing that is not known."""
    if isinstance(value, dict):
        ((name, values),) = value.items()
        return _NAMED[name].thing(values, instruments)
    if isinstance(value, list):
        return [state_of(part, instruments) for part in value]
    return value


class _Traveller:
    """How the objects of one class travel."""

    def __init__(self, cls: type) -> None:
        hints = get_type_hints(cls)
        names = [field.name for field in fields(cls) if field.name not in _HERE_ONLY]
        self.name = cls.__name__
        self._cls = cls
        self._wide = [name for name in names if name in _WIDE]
        self._names = [*(name for name in names if name not in _WIDE), *self._wide]
        self._readers = [_reader(hints[name]) if name not in _WIDE else _number for name in self._names]
        narrow = self._names[: len(names) - len(self._wide)]
        self._narrow = attrgetter(*("instrument.id" if name == "instrument" else name for name in narrow))

    def values(self, thing: Any) -> tuple[Any, ...]:
        values: tuple[Any, ...] = self._narrow(thing)
        return (*values, *(str(getattr(thing, name)) for name in self._wide)) if self._wide else values

    def thing(self, values: list[Any], instruments: Instruments) -> Any:
        read = zip(self._names, self._readers, values, strict=True)
        return self._cls(**{name: reader(value, instruments) if reader else value for name, reader, value in read})


def _number(text: str, _: Instruments) -> int:
    return int(text)


def _reader(hint: Any) -> _Reader | None:
    """How a field of this type is read; None where its JSON is its value."""
    options = [option for option in get_args(hint) if option is not NoneType]
    if options:
        inner = _reader(options[0])
        return inner and (lambda value, instruments: None if value is None else inner(value, instruments))
    if hint is Instrument:
        return lambda value, instruments: instruments[value]
    if hint is datetime:
        return lambda value, _: datetime.fromisoformat(value)
    if is_dataclass(hint):
        return state_of
    if hint in (int, str, bool):
        return None
    return lambda value, _: hint(value)


_TRAVELLERS = {cls: _Traveller(cls) for cls in _TRAVEL}
_NAMED = {cls.__name__: traveller for cls, traveller in _TRAVELLERS.items()}
