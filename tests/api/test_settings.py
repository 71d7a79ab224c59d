"""Settings come from the environment, and README lists every one of them."""

from dataclasses import fields
from pathlib import Path

import pytest

from api.settings import Settings, SettingsError

README = Path(__file__).parents[2] / "README.md"


def test_readme_lists_every_setting_and_no_other() -> None:
    rows = [line.split("|")[1:4] for line in README.read_text().splitlines() if line.startswith("| `GRAMME_")]
    listed = {name.strip(" `"): (default.strip(" `"), text.strip()) for name, default, text in rows}
    expected = {}
    for entry in fields(Settings):
        shown = {None: "not set", "": "not set", False: "0", True: "1"}
        is_plain = not isinstance(entry.default, int) or isinstance(entry.default, bool)
        default = shown.get(entry.default, str(entry.default)) if is_plain else str(entry.default)
        expected[f"GRAMME_{entry.name.upper()}"] = (default, entry.metadata["help"])
    assert listed == expected


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"GRAMME_PORT": "", "PORT": "1", "GRAMME_UNKNOWN": "x"}) == Settings()


def test_values_are_read_by_their_type() -> None:
    read = Settings.from_environment(
        {"GRAMME_PORT": "8001", "GRAMME_HOME": "/srv/gramme", "GRAMME_DEVELOPMENT": "Yes", "GRAMME_HOST": "::1"}
    )
    assert (read.port, read.home, read.development, read.host) == (8001, Path("/srv/gramme"), True, "::1")


@pytest.mark.parametrize("value", ["-1", "0", "1.5", "\uff11", "1_000", " 1", "65536"])
def test_a_port_is_a_plain_number(value: str) -> None:
    with pytest.raises(SettingsError, match="GRAMME_PORT is"):
        Settings.from_environment({"GRAMME_PORT": value})


def test_secrets_are_not_shown() -> None:
    shown = repr(
        Settings(database_url="postgresql://a:hidden@h/x", redis_url="redis://:hidden@h", operator_password="hidden")
    )
    assert "hidden" not in shown
