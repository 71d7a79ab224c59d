"""Whatever is wrong around the server is told in one plain sentence with what to do; exit code 1, no traceback."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infra.embedded import EmbeddedServers
from infra.embedded.processes import free_port
from tests.api.commands import gramme

Urls = dict[str, str]


@pytest.fixture
def urls(servers: EmbeddedServers) -> Urls:
    """Both servers exist, so that one thing alone is wrong."""
    return {
        "GRAMME_DATABASE_URL": servers.app_url,
        "GRAMME_MIGRATION_DATABASE_URL": servers.owner_url,
        "GRAMME_REDIS_URL": servers.redis_url,
        "GRAMME_PORT": str(free_port()),
    }


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        yield thief.getsockname()[1]


def sentence(command: str, **settings: str) -> str:
    done = gramme(command, **settings)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("gramme: ")
    return line.removeprefix("gramme: ")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("GRAMME_PORT", "http", "GRAMME_PORT is 'http'; write a whole number of 1 or more, of at most 9 digits."),
        ("GRAMME_PORT", "70000", "GRAMME_PORT is '70000'; a port lies between 1 and 65535."),
        ("GRAMME_QUEUE_SIZE", "0", "GRAMME_QUEUE_SIZE is '0'; write a whole number of 1 or more, of at most 9 digits."),
        ("GRAMME_DEVELOPMENT", "maybe", "GRAMME_DEVELOPMENT is 'maybe'; write 1 or 0."),
    ],
)
def test_a_bad_setting(name: str, value: str, told: str) -> None:
    assert sentence("serve", **{name: value}) == told


def test_a_host_that_is_not_ours(urls: Urls) -> None:
    told = sentence("serve", **urls | {"GRAMME_HOST": "192.0.2.1"})
    assert told.endswith("cannot be opened (Cannot assign requested address): correct GRAMME_HOST and GRAMME_PORT.")


@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_port_that_is_taken(urls: Urls, taken_port: int, command: str) -> None:
    assert sentence(command, **urls | {"GRAMME_PORT": str(taken_port)}) == (
        f"Port 127.0.0.1:{taken_port} is taken: end the program that uses it, or set GRAMME_PORT to a free one."
    )


@pytest.mark.parametrize("command", ["serve", "migrate", "audit"])
def test_no_postgres(urls: Urls, command: str) -> None:
    port = free_port()
    assert sentence(command, **urls | {"GRAMME_DATABASE_URL": f"postgresql://app:pw@127.0.0.1:{port}/gramme"}) == (
        f"Postgres at GRAMME_DATABASE_URL (127.0.0.1:{port}/gramme) cannot be reached: "
        "start it, or correct the address."
    )


def test_a_postgres_of_the_owner_that_is_not_there(urls: Urls) -> None:
    port = free_port()
    assert sentence("migrate", **urls | {"GRAMME_MIGRATION_DATABASE_URL": f"postgresql://a:b@127.0.0.1:{port}/x"}) == (
        f"Postgres at GRAMME_MIGRATION_DATABASE_URL (127.0.0.1:{port}/x) cannot be reached: "
        "start it, or correct the address."
    )


def test_a_wrong_password(urls: Urls) -> None:
    port = urlsplit(urls["GRAMME_DATABASE_URL"]).port
    wrong = f"postgresql://gramme_app:guessed@127.0.0.1:{port}/gramme"
    assert sentence("serve", **urls | {"GRAMME_DATABASE_URL": wrong}) == (
        f"Postgres refuses the login gramme_app of GRAMME_DATABASE_URL (127.0.0.1:{port}/gramme): "
        "correct its name and password."
    )


def test_a_database_that_does_not_exist(urls: Urls) -> None:
    port = urlsplit(urls["GRAMME_DATABASE_URL"]).port
    wrong = urls["GRAMME_DATABASE_URL"].rsplit("/", 1)[0] + "/nowhere"
    assert sentence("serve", **urls | {"GRAMME_DATABASE_URL": wrong}) == (
        f"There is no database at GRAMME_DATABASE_URL (127.0.0.1:{port}/nowhere): create it, or correct the address."
    )


@pytest.mark.parametrize("url", ["mysql://a:b@localhost/x", "gramme", "127.0.0.1:5432"])
def test_an_address_that_is_none_of_postgres(urls: Urls, url: str) -> None:
    assert sentence("serve", **urls | {"GRAMME_DATABASE_URL": url}) == (
        "GRAMME_DATABASE_URL is no address of Postgres: write postgresql://name:password@host:port/database."
    )


def test_an_address_that_cannot_be_read(urls: Urls) -> None:
    assert sentence("serve", **urls | {"GRAMME_DATABASE_URL": "postgresql://a:b@127.0.0.1:port/x"}) == (
        "GRAMME_DATABASE_URL is no address of Postgres: write postgresql://name:password@host:port/database."
    )


def test_an_application_login_that_may_not_migrate(urls: Urls) -> None:
    told = sentence("migrate", **urls | {"GRAMME_MIGRATION_DATABASE_URL": ""})
    assert told.startswith("The database login lacks a right (permission denied for schema public")
    assert told.endswith("set GRAMME_MIGRATION_DATABASE_URL to the owner's login.")


def test_no_redis(urls: Urls) -> None:
    assert sentence("serve", **urls | {"GRAMME_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}) == (
        "Redis at GRAMME_REDIS_URL cannot be reached: start it, or correct the address."
    )


def test_a_redis_that_asks_for_another_password(urls: Urls, servers: EmbeddedServers) -> None:
    wrong = servers.redis_url.replace(servers.home.secrets().valkey_password, "guessed")
    assert sentence("serve", **urls | {"GRAMME_REDIS_URL": wrong}) == (
        "Redis refuses the login of GRAMME_REDIS_URL: correct its name and password."
    )


def test_an_address_that_is_none_of_redis(urls: Urls) -> None:
    assert sentence("serve", **urls | {"GRAMME_REDIS_URL": "http://127.0.0.1"}) == (
        "GRAMME_REDIS_URL cannot be read: write redis://:password@host:port/0."
    )


def test_half_an_operator(urls: Urls) -> None:
    assert sentence("serve", **urls | {"GRAMME_OPERATOR_EMAIL": "desk@example.com"}) == (
        "Set GRAMME_OPERATOR_EMAIL and GRAMME_OPERATOR_PASSWORD together, or neither of them."
    )


def test_an_operator_with_a_weak_password(urls: Urls) -> None:
    told = sentence(
        "serve", **urls | {"GRAMME_OPERATOR_EMAIL": "desk@example.com", "GRAMME_OPERATOR_PASSWORD": "short!"}
    )
    assert told.startswith("GRAMME_OPERATOR_EMAIL or GRAMME_OPERATOR_PASSWORD cannot be used: ")
    assert "short!" not in told


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert sentence("migrate", GRAMME_HOME=str(tmp_path / "file")) == (
        f"{tmp_path}/file is not a folder: set GRAMME_HOME to a folder that Gramme may use."
    )


def test_an_audit_before_the_first_migration(servers: EmbeddedServers) -> None:
    url = servers.owner_url.rsplit("/", 1)[0] + "/postgres"
    assert sentence("audit", GRAMME_DATABASE_URL=url, GRAMME_REDIS_URL=servers.redis_url) == (
        "This database has no tables of Gramme: run `gramme migrate` first."
    )


def test_a_demo_without_an_operator(tmp_path: Path) -> None:
    assert sentence("demo", GRAMME_HOME=str(tmp_path)) == (
        "Set GRAMME_OPERATOR_EMAIL and GRAMME_OPERATOR_PASSWORD to that server's operator."
    )
