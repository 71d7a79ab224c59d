"""Starting, serving and stopping, as another process."""

import asyncio
import json
import os
import re
import signal
import stat
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from infra.embedded import EmbeddedServers
from infra.embedded.home import Home
from schema.root import schema
from tests.api.commands import gramme, running
from tests.conftest import graphql, sign_in, sign_up

PASSWORD = "correct horse battery staple"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["serve"],
        ["demo"],
        ["grant"],
        ["revoke"],
        ["replace-key"],
        ["migrate"],
        ["audit"],
        ["replay"],
        ["schema"],
    ],
)
def test_every_command_explains_itself(command: list[str]) -> None:
    done = gramme(*command, "--help")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 3
    assert done.stderr == ""


def test_schema_prints_the_sdl() -> None:
    done = gramme("schema")
    assert done.returncode == 0
    assert done.stdout == schema.as_str().rstrip() + "\n"


def test_migrate_then_audit_and_nothing_stays_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = gramme("migrate", GRAMME_HOME=str(home))
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("The database is up to date.\n")
    second = gramme("audit", GRAMME_HOME=str(home))
    assert second.returncode == 0, second.stderr
    assert "hash chain intact" in second.stdout
    assert second.stdout.endswith("All is well.\n")
    third = gramme("replay", GRAMME_HOME=str(home))
    assert third.returncode == 0, third.stderr
    assert "0 commands in" in third.stdout
    assert third.stdout.endswith("All is well.\n")
    servers = EmbeddedServers(home)
    assert not servers.are_running()


def test_serve_on_an_empty_home(tmp_path: Path) -> None:
    operator = {"GRAMME_OPERATOR_EMAIL": "desk@example.com", "GRAMME_OPERATOR_PASSWORD": PASSWORD}
    with running(tmp_path / "home", "serve", **operator) as server:
        server.wait_ready()
        assert httpx.get(f"{server.url}/healthz").text == "ok\n"
        metrics = httpx.get(f"{server.url}/metrics").text
        assert "gramme_writer_ready 1.0" in metrics
        assert 'gramme_http_requests_total{path="/healthz",status="200"} 1.0' in metrics
        signed_in = httpx.post(
            f"{server.url}/graphql",
            json={
                "query": "mutation ($input: SignInInput!) "
                "{ signIn(input: $input) { ... on Session { user { roles } } } }",
                "variables": {"input": {"email": "desk@example.com", "password": PASSWORD}},
            },
        )
        assert set(signed_in.json()["data"]["signIn"]["user"]["roles"]) == {"MEMBER", "OPERATOR"}
        assert "server" not in signed_in.headers
        assert server.stop() < 5
        assert server.process.returncode == 0
        assert server.leftovers() == []
        secrets = Home(server.home).secrets()
        for secret in (PASSWORD, secrets.app_password, secrets.owner_password, secrets.valkey_password):
            assert secret not in server.printed()


def test_serving_heals_when_its_servers_are_killed(tmp_path: Path) -> None:
    with running(tmp_path / "home", "serve") as server:
        server.wait_ready()
        servers = EmbeddedServers(server.home)
        assert servers.postgres
        assert servers.valkey
        postmaster = servers.postgres.postmaster()
        assert postmaster
        for pid in (postmaster, *servers.valkey.pids()):
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while server.status() == 200 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.status() != 200
        server.wait_ready(30)
        assert servers.postgres.postmaster() not in (None, postmaster)
        assert server.stop() < 5
        assert server.leftovers() == []


async def test_open_streams_do_not_hold_a_server_up(tmp_path: Path) -> None:
    operator = {"GRAMME_OPERATOR_EMAIL": "desk@example.com", "GRAMME_OPERATOR_PASSWORD": PASSWORD}
    subscription = "subscription { accountEvents { cursor } }"
    with running(tmp_path / "home", "serve", **operator) as server:
        server.wait_ready()
        async with httpx.AsyncClient(base_url=server.url) as client:
            caller = await sign_in(client, "desk@example.com", PASSWORD)
            authorization = f"Bearer {caller.token}"
            socket_url = server.url.replace("http", "ws") + "/graphql"
            headers = {"authorization": authorization, "accept": "text/event-stream"}
            async with (
                client.stream("POST", "/graphql", json={"query": subscription}, headers=headers) as stream,
                connect(socket_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket,
            ):
                await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": authorization}}))
                assert json.loads(await socket.recv())["type"] == "connection_ack"
                await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": subscription}}))
                assert stream.headers["content-type"].startswith("text/event-stream")
                assert await asyncio.to_thread(server.stop) < 5
        assert server.leftovers() == []
        assert "Traceback" not in server.printed(), server.printed()


def test_stopping_in_the_middle_of_the_first_start(tmp_path: Path) -> None:
    with running(tmp_path / "home", "serve") as server:
        deadline = time.monotonic() + 30
        while not (server.home / "postgres.new").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.stop(signal.SIGINT) < 5
        assert server.leftovers() == []
        assert "Traceback" not in server.printed()
    with running(tmp_path / "home", "serve") as server:
        server.wait_ready()
        server.stop()


def test_run_is_stopped_by_ctrl_c_and_goes_on_another_day(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _day in range(2):
        with running(home, "run", "--phones", "2") as server:
            server.wait_ready()
            while "sending meter files" not in server.printed():
                assert server.process.poll() is None, server.printed()
                time.sleep(0.1)
            assert server.stop(signal.SIGINT) < 5, server.printed()
            assert server.process.returncode == 0
            assert server.leftovers() == []
            assert "Traceback" not in server.printed(), server.printed()
            password = home / "operator-password"
            assert str(password) in server.printed()
            assert password.read_text().strip() not in server.printed()
            assert stat.S_IMODE(password.stat().st_mode) == 0o600


def test_a_years_story_agrees_on_a_server_of_its_own(tmp_path: Path) -> None:
    picture = tmp_path / "year.svg"
    home = tmp_path / "home"
    done = gramme(
        "demo", "--story", "year", "--picture", str(picture), seconds=300, GRAMME_HOME=str(home), COLUMNS="80"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout[done.stdout.index("A year of Rosa") :]
    assert told.endswith("All is well.\n")
    assert "NOT " not in told
    names = "electricity.xml gas.xml Timeline.json openpath.json drive.gpx card.csv charging.json"
    for name in names.split():
        assert re.search(rf"{re.escape(name)} .* 0 new", told), name
    for shown in ("Two apps told of the same trip.", "until Sunday", "in 80 % of cases", "ok the days' sum"):
        assert shown in told
    assert max(len(line) for line in told.partition("\nThe picture")[0].splitlines()) <= 80
    assert ElementTree.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert not home.exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "127.0.0.1:9", "http://[", "nothing"])
def test_a_story_without_a_server_ends_at_once(url: str) -> None:
    done = gramme("demo", "--story", "year", "--url", url, seconds=30)
    assert done.returncode == 1
    assert done.stderr == f"gramme: Nothing answers at {url.rstrip('/')}: start a server there, or correct --url.\n"


def test_a_picture_needs_a_story() -> None:
    done = gramme("demo", "--picture", "year.svg")
    assert done.returncode == 2
    assert done.stderr.endswith("--picture draws a story: add --story year\n")


# ---------------------------------------------------------------- granting roles


async def test_grant_makes_a_regulator_who_may_see_what_operators_did_and_revoke_ends_it(tmp_path: Path) -> None:
    home = {"GRAMME_HOME": str(tmp_path / "home")}
    acts = "{ operatorActs { edges { cursor } } }"
    with running(tmp_path / "home", "serve") as server:
        server.wait_ready()
        async with httpx.AsyncClient(base_url=server.url) as client:
            vera = await sign_up(client, "Vera")
            refused = await graphql(client, acts, token=vera.token)
            assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"

            first = await asyncio.to_thread(gramme, "grant", vera.email.upper(), "REGULATOR", **home)
            assert first.returncode == 0, first.stderr
            assert first.stdout.endswith(f"{vera.email} is now REGULATOR. Roles: MEMBER, REGULATOR.\n")
            again = await asyncio.to_thread(gramme, "grant", vera.email, "REGULATOR", **home)
            assert again.returncode == 0, again.stderr
            assert again.stdout.endswith(f"{vera.email} was already REGULATOR. Roles: MEMBER, REGULATOR.\n")

            vera = await sign_in(client, vera.email)
            assert await graphql(client, acts, token=vera.token) == {"data": {"operatorActs": {"edges": []}}}

            taken = await asyncio.to_thread(gramme, "revoke", vera.email, "REGULATOR", **home)
            assert taken.returncode == 0, taken.stderr
            assert taken.stdout.endswith(f"{vera.email} is no longer REGULATOR. Roles: MEMBER.\n")
            again = await asyncio.to_thread(gramme, "revoke", vera.email, "REGULATOR", **home)
            assert again.stdout.endswith(f"{vera.email} was not REGULATOR. Roles: MEMBER.\n")
            for _ in range(50):
                refused = await graphql(client, acts, token=vera.token)
                if "errors" in refused:
                    break
                await asyncio.sleep(0.2)
            assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"

        nobody = await asyncio.to_thread(gramme, "grant", "nobody@example.com", "FEED", **home)
        assert nobody.returncode == 1
        assert nobody.stderr == ("gramme: Nobody has signed up as nobody@example.com: sign up with it first.\n")
    for role in ("MEMBER", "PARTNER", "KING"):
        assert gramme("grant", vera.email, role).returncode == 2


async def test_replace_key_gives_a_shop_another_key_and_ends_the_old_one(tmp_path: Path) -> None:
    home = {"GRAMME_HOME": str(tmp_path / "home")}
    desk = {"GRAMME_OPERATOR_EMAIL": "desk@example.com", "GRAMME_OPERATOR_PASSWORD": PASSWORD}
    shop = 'mutation { createPartner(name: "Corner shop") { ... on PartnerWithKey { apiKey } } }'
    capture = """mutation { captureRedemption(code: "NONE", tillReference: "1") { __typename } }"""
    with running(tmp_path / "home", "serve", **desk) as server:
        server.wait_ready()
        async with httpx.AsyncClient(base_url=server.url) as client:
            operator = await sign_in(client, "desk@example.com", PASSWORD)
            old = (await graphql(client, shop, token=operator.token))["data"]["createPartner"]["apiKey"]
            assert (await graphql(client, capture, token=old))["data"] is not None

            replaced = await asyncio.to_thread(gramme, "replace-key", old[:12], **home)

            assert replaced.returncode == 0, replaced.stderr
            fresh = replaced.stdout.split()[-1]
            assert replaced.stdout.endswith(
                f"{old[:11]}_... of Corner shop is worth nothing any more. Its new key, told only now: {fresh}\n"
            )
            assert (await graphql(client, capture, token=fresh))["data"] is not None
            for _ in range(50):
                refused = await graphql(client, capture, token=old)
                if "errors" in refused:
                    break
                await asyncio.sleep(0.2)
            assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

        again = await asyncio.to_thread(gramme, "replace-key", old, **home)
        assert (again.returncode, again.stderr) == (1, f"gramme: No key that is in use begins with {old[:11]}_.\n")


def test_granting_without_tables_says_what_to_do(tmp_path: Path) -> None:
    done = gramme("grant", "vera@example.com", "OPERATOR", GRAMME_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert done.stderr == "gramme: This database has no tables of Gramme: run `gramme migrate` first.\n"


@pytest.mark.crash
def test_a_killed_server_leaves_no_process(tmp_path: Path) -> None:
    with running(tmp_path / "home", "serve") as server:
        server.wait_ready()
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 10
        while server.leftovers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.leftovers() == []
