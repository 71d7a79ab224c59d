"""Words in which people and their watches say how they moved."""

import re

from domain.footprint.records import TravelMode

_MODES = (
    (("walk", "run", "hik", "foot", "jog"), TravelMode.WALK),
    (("cycl", "bik", "ride"), TravelMode.BICYCLE),
    (("motorcycl", "motorbik"), TravelMode.MOTORCYCLE),
    (("driv", "car"), TravelMode.CAR),
    (("bus",), TravelMode.BUS),
    (("train", "rail"), TravelMode.TRAIN),
    (("ferry",), TravelMode.FERRY),
    (("flight", "flying", "plane"), TravelMode.PLANE),
)


def mode_of_words(words: str) -> TravelMode:
    """By how a word of it begins; the words that are part of others come first. UNKNOWN where none fits or two do."""
    found = {mode for begins, mode in _MODES for word in _words(words) if word.startswith(begins)}
    if found == {TravelMode.BICYCLE, TravelMode.MOTORCYCLE}:
        return TravelMode.MOTORCYCLE
    return found.pop() if len(found) == 1 else TravelMode.UNKNOWN


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())
