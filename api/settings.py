"""The environment, read once: every setting is a `GRAMME_*` variable and a field here, and is read nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

DIGITS_MAX = 9


class SettingsError(Exception):
    """A setting cannot be used; the text says which, why, and what to do."""


def _setting(help_text: str, default: Any = None, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": help_text})


@dataclass(frozen=True)
class Settings:
    """Field `limit_orders` is the variable GRAMME_LIMIT_ORDERS; "help" in its metadata is README's text."""

    database_url: str | None = _setting(
        "Postgres, the application's login. Unset: an embedded one starts.", secret=True
    )
    migration_database_url: str | None = _setting(
        "Postgres, the owner's login, for `migrate`. Unset: GRAMME_DATABASE_URL.", secret=True
    )
    redis_url: str | None = _setting("Redis or Valkey. Unset: an embedded one starts.", secret=True)
    mqtt_url: str | None = _setting(
        "Broker that people's meters and plugs report to, mqtt://user:password@host:port or mqtts://. Unset: none.",
        secret=True,
    )
    home: Path = _setting(
        "Folder for all state: embedded servers, uploads, the demo operator's password.", Path(".gramme")
    )
    host: str = _setting("Address that the API listens on.", "127.0.0.1")
    port: int = _setting("Port of the API.", 8000)
    engine_host: str = _setting(
        "Address that an engine process listens on, and at which API processes reach it.", "127.0.0.1"
    )
    engine_port: int | None = _setting("Port of an engine process. Unset: any free one; the lease row names it.")
    engine_secret: str | None = _setting(
        "What an engine and its API processes know. Unset: derived from the password in GRAMME_DATABASE_URL.",
        secret=True,
    )
    operator_email: str | None = _setting("E-mail of the first operator, created at start where missing.")
    operator_password: str | None = _setting("Password of the first operator.", secret=True)
    development: bool = _setting("GraphiQL, introspection and suggestions on.", False)
    allowed_origins: str = _setting(
        "Origins that may open a WebSocket, separated by commas; a request without an origin (a phone) always may.", ""
    )
    connections: int = _setting("Connections at once, sockets too; more are answered 503.", 10_000)
    trusted_proxies: str = _setting(
        "Addresses of proxies whose X-Forwarded-For is believed, separated by commas. Without it everybody behind a "
        "proxy has the proxy's address, and shares its limits.",
        "",
    )
    redemption_minutes: int = _setting("How long a redemption waits for the till.", 15)
    ademe_impact_co2: bool = _setting(
        "Load the ADEME Impact CO2 table too; its reuse is free for non-commercial purposes only.", False
    )
    queue_size: int = _setting("Commands that may wait for the writer; more are answered OVERLOADED.", 4096)
    batch_size: int = _setting("Commands in one commit, at most.", 1_024)
    limit_sign_ups: int = _setting("Sign-ups a minute per address.", 60)
    limit_failed_sign_ins: int = _setting("Failed sign-ins a minute per address.", 20)
    limit_account_failures: int = _setting("Failed sign-ins per account in 15 minutes.", 5)
    limit_orders: int = _setting("Orders a second per person.", 100)
    limit_mutations: int = _setting("Other mutations a second per person.", 50)
    limit_partner: int = _setting("Mutations a second per partner key.", 1000)

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings":
        """Settings from the variables; raises SettingsError on a value of the wrong form."""
        known = {f"GRAMME_{entry.name.upper()}": entry for entry in fields(Settings)}
        values: dict[str, Any] = {}
        for name, text in environment.items():
            if name not in known or text == "":
                continue
            values[known[name].name] = _read(name, text, known[name].type)
        return Settings(**values)


def _read(name: str, text: str, kind: object) -> object:
    if kind is bool:
        if text.lower() in {"1", "true", "yes", "on"}:
            return True
        if text.lower() in {"0", "false", "no", "off"}:
            return False
        raise SettingsError(f"{name} is {text!r}; write 1 or 0.")
    if kind in (int, int | None):
        if not text.isascii() or not text.isdecimal() or len(text) > DIGITS_MAX or int(text) < 1:
            raise SettingsError(f"{name} is {text!r}; write a whole number of 1 or more, of at most 9 digits.")
        if name.endswith("_PORT") and int(text) > 65_535:
            raise SettingsError(f"{name} is {text!r}; a port lies between 1 and 65535.")
        return int(text)
    if kind is Path:
        return Path(text)
    return text
