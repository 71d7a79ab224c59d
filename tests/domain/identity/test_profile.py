from collections.abc import Callable

import pytest

from domain.errors import InvalidInput
from domain.identity import profile


@pytest.mark.parametrize(
    "text", ["A", " Ada Lovelace ", "x" * 100, "\u0646\u200c\u0647", "👨\u200d👩\u200d👧", "Ó Séaghdha"]
)
def test_a_name_keeps_what_can_be_shown(text: str) -> None:
    assert profile.name(text, "displayName") == text.strip()


@pytest.mark.parametrize("text", ["", " \t ", "x" * 101, "a\x00b", "a\nb", "abc\u202edcb", "\ud800", "\u2028x\u2028y"])
def test_a_name_that_cannot_be_shown_is_refused_by_the_field_it_came_in(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        profile.name(text, "displayName")
    assert refused.value.field == "displayName"


@pytest.mark.parametrize(
    ("function", "text", "value"),
    [
        (profile.region, "CN", "CN"),
        (profile.region, " cn-gd ", "CN-GD"),
        (profile.region, "GB-ENG", "GB-ENG"),
        (profile.region, "US-NY", "US-NY"),
        (profile.locale, "en", "en"),
        (profile.locale, "ZH_hans_cn", "zh-Hans-CN"),
        (profile.locale, "es-419", "es-419"),
        (profile.locale, "yue", "yue"),
        (profile.time_zone, "UTC", "UTC"),
        (profile.time_zone, " Asia/Shanghai ", "Asia/Shanghai"),
        (profile.time_zone, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ],
)
def test_places_are_brought_to_one_form(function: Callable[[str], str], text: str, value: str) -> None:
    assert function(text) == value


@pytest.mark.parametrize(
    ("function", "text", "field"),
    [
        (profile.region, "", "region"),
        (profile.region, "XX", "region"),
        (profile.region, "EU", "region"),
        (profile.region, "GBR", "region"),
        (profile.region, "ZZ-AB", "region"),
        (profile.region, "GB-", "region"),
        (profile.region, "GB-LOND", "region"),
        (profile.region, "CN\x00", "region"),
        (profile.region, "\uff23\uff2e", "region"),
        (profile.locale, "", "locale"),
        (profile.locale, "english", "locale"),
        (profile.locale, "e1", "locale"),
        (profile.locale, "en-", "locale"),
        (profile.locale, "en_USA", "locale"),
        (profile.locale, "../en", "locale"),
        (profile.time_zone, "", "timeZone"),
        (profile.time_zone, "Mars/Olympus", "timeZone"),
        (profile.time_zone, "../../etc/passwd", "timeZone"),
        (profile.time_zone, "/etc/localtime", "timeZone"),
        (profile.time_zone, "localtime", "timeZone"),
        (profile.time_zone, "Europe", "timeZone"),
        (profile.time_zone, "europe/paris", "timeZone"),
        (profile.time_zone, "UTC\x00", "timeZone"),
        (profile.time_zone, "UTC+1", "timeZone"),
    ],
)
def test_an_unknown_place_is_refused_by_its_field(function: Callable[[str], str], text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        function(text)
    assert refused.value.field == field


def test_the_countries_are_those_of_iso_3166() -> None:
    assert len(profile.countries()) == 249
    assert {"CN", "GB", "CH", "TW", "AQ"} <= profile.countries()


@pytest.mark.parametrize("text", ["", "x" * 4097, "a\nb", "caf\u00e9", "\x00"])
def test_a_push_token_is_printable_and_bounded(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        profile.push_token(text)
    assert refused.value.field == "pushToken"
