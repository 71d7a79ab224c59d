"""People, sessions and keys on the real Postgres: who wins a race, and what a token is worth when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.errors import InvalidInput, Overloaded
from domain.identity.model import (
    DevicePlatform,
    EmailTaken,
    InvalidCredentials,
    Role,
    Session,
    User,
    Viewer,
    WeakPassword,
)
from domain.identity.service import (
    create_operator,
    create_partner,
    refresh_session,
    register_device,
    sign_in,
    sign_out,
    sign_up,
)
from infra.postgres import sessions
from infra.postgres.connection import Connection, Database
from infra.postgres.identity import PostgresPartners, PostgresUsers
from infra.postgres.sessions import PostgresSessions
from infra.security import passwords, tokens
from infra.security.passwords import PasswordHashing
from tests.conftest import TestDatabase

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMAIL = "ada@example.org"
PASSWORD = "a good password"


class People:
    """The stores of identity, and the service on them."""

    def __init__(self) -> None:
        self.users = PostgresUsers()
        self.sessions = PostgresSessions()
        self.partners = PostgresPartners()
        self.hasher = PasswordHashing(time_cost=1, memory_kib=64, lanes=1)

    async def sign_up(self, email: str = EMAIL, now: datetime = NOW) -> Session:
        return await sign_up(
            self.users,
            self.sessions,
            self.hasher,
            email=email,
            password=PASSWORD,
            display_name="Ada",
            region="gb",
            locale="en",
            time_zone="Europe/London",
            now=now,
        )

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD, now: datetime = NOW) -> Session:
        return await sign_in(self.users, self.sessions, self.hasher, email=email, password=password, now=now)

    async def refresh(self, refresh_token: str, seconds: float) -> Session:
        return await refresh_session(self.users, self.sessions, refresh_token=refresh_token, now=after(seconds))

    async def viewer(self, session: Session, seconds: float = 0) -> Viewer | None:
        return await self.sessions.viewer(session.access_token, after(seconds))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
async def people(database: TestDatabase) -> AsyncIterator[People]:
    opened = await Database.open(database.app_url)
    people = People()
    yield people
    people.hasher.close()
    await opened.close()


@pytest.fixture
async def rows(database: TestDatabase) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


# ---------------------------------------------------------------- people


async def test_a_person_signs_up_with_a_pseudonym_of_their_own(people: People, rows: Connection) -> None:
    first = await people.sign_up("Ada@Example.org")
    second = await people.sign_up("bob@example.org")

    assert (first.user.owner, second.user.owner) == (1000, 1001)
    assert first.user == User(
        id=first.user.id,
        owner=1000,
        email="Ada@Example.org",
        display_name="Ada",
        region="GB",
        locale="en",
        time_zone="Europe/London",
        roles=frozenset({Role.MEMBER}),
        created_at=NOW,
    )
    assert await people.users.by_id(first.user.id) == first.user
    assert first.expires_at == after(15 * 60)


async def test_email_and_name_stand_in_one_table(people: People, rows: Connection) -> None:
    await people.sign_up("canary.person@example.org")

    tables = await rows.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = {
        table["tablename"]
        for table in tables
        if await rows.fetchval(f"SELECT count(*) FROM {table['tablename']} t WHERE t::text ILIKE '%canary.person%'")
    }
    assert found == {"person"}


async def test_no_secret_is_stored_in_clear(people: People, rows: Connection) -> None:
    session = await people.sign_up()
    _, key = await create_partner(people.partners, name="Shop", now=NOW)
    renewed = await people.refresh(session.refresh_token, 1)

    secrets = [session.access_token, session.refresh_token, renewed.access_token, renewed.refresh_token, key, PASSWORD]
    raw = [tokens._bytes_of(secret).hex() for secret in secrets[:4]]
    tables = await rows.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dump = ""
    for table in tables:
        dump += await rows.fetchval(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table['tablename']} t")
    assert tokens.digest(session.refresh_token) in dump
    assert [secret for secret in secrets + raw if secret in dump] == []


async def test_of_thirty_sign_ups_with_one_address_exactly_one_wins(people: People, rows: Connection) -> None:
    spellings = ["ada@example.org", "ADA@example.org", " Ada@Example.Org "] * 10
    outcomes = await asyncio.gather(*map(people.sign_up, spellings), return_exceptions=True)

    assert sum(isinstance(outcome, Session) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 29
    assert await rows.fetchval("SELECT count(*) FROM users") == 1
    assert await rows.fetchval("SELECT count(*) FROM person") == 1


@pytest.mark.parametrize(
    ("changed", "error", "field"),
    [
        ({"email": "nobody"}, InvalidInput, "email"),
        ({"display_name": "  "}, InvalidInput, "displayName"),
        ({"region": "Atlantis"}, InvalidInput, "region"),
        ({"locale": "klingon"}, InvalidInput, "locale"),
        ({"time_zone": "Mars"}, InvalidInput, "timeZone"),
        ({"password": "password"}, WeakPassword, None),
        ({"password": EMAIL}, WeakPassword, None),
    ],
)
async def test_a_refused_sign_up_leaves_nothing(
    people: People, rows: Connection, changed: dict[str, str], error: type[Exception], field: str | None
) -> None:
    given = {
        "email": EMAIL,
        "password": PASSWORD,
        "display_name": "Ada",
        "region": "GB",
        "locale": "en",
        "time_zone": "UTC",
    }
    with pytest.raises(error) as refused:
        await sign_up(people.users, people.sessions, people.hasher, **(given | changed), now=NOW)
    assert getattr(refused.value, "field", None) == field
    assert await rows.fetchval("SELECT count(*) FROM users") == 0


@pytest.mark.parametrize("email", [EMAIL, "ADA@EXAMPLE.ORG", "  ada@example.org "])
async def test_sign_in_knows_every_spelling_of_the_address(people: People, email: str) -> None:
    signed_up = await people.sign_up()
    signed_in = await people.sign_in(email)
    assert signed_in.user == signed_up.user
    assert await people.viewer(signed_in) is not None


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "not the password"),
        (EMAIL, ""),
        (EMAIL, PASSWORD + " "),
        (EMAIL, "x" * 5000),
        (EMAIL, "nul\x00"),
        (EMAIL, "\ud800"),
        ("bob@example.org", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("\x00", PASSWORD),
        ("\udc00@x", PASSWORD),
        ("a" * 100_000, PASSWORD),
    ],
)
async def test_wrong_credentials_are_all_told_alike(people: People, email: str, password: str) -> None:
    await people.sign_up()
    with pytest.raises(InvalidCredentials) as refused:
        await people.sign_in(email, password)
    assert refused.value.message == "E-mail or password is wrong."


async def test_an_unknown_address_costs_the_work_of_a_known_one(people: People) -> None:
    people.hasher = PasswordHashing()
    await people.sign_up()

    async def seconds(email: str) -> float:
        started = asyncio.get_running_loop().time()
        with pytest.raises(InvalidCredentials):
            await people.sign_in(email, "not the password")
        return asyncio.get_running_loop().time() - started

    known = sorted([await seconds(EMAIL) for _ in range(5)])[2]
    unknown = sorted([await seconds("nobody@example.org") for _ in range(5)])[2]
    assert 0.5 < known / unknown < 2


async def test_a_hash_of_other_parameters_is_renewed_at_sign_in(people: People, rows: Connection) -> None:
    await people.sign_up()
    people.hasher = PasswordHashing(time_cost=2, memory_kib=128, lanes=1)
    await people.sign_in()
    assert (await rows.fetchval("SELECT password_hash FROM users")).startswith("$argon2id$v=19$m=128,t=2,p=1$")
    await people.sign_in()


async def test_passwords_are_hashed_as_decided() -> None:
    hasher = PasswordHashing()
    made = await hasher.hash(PASSWORD)
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await hasher.verify(made, PASSWORD)
    assert not await hasher.verify(made, "another")
    assert not await hasher.verify(None, PASSWORD)
    assert not hasher.is_outdated(made)
    hasher.close()


async def test_too_many_waiting_passwords_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 4)
    hasher = PasswordHashing(time_cost=1, memory_kib=64, lanes=1)
    outcomes = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, Overloaded) for outcome in outcomes) == 6
    assert (await hasher.hash(PASSWORD)).startswith("$argon2id$")
    hasher.close()


# ---------------------------------------------------------------- sessions


async def test_an_access_token_is_its_session_for_fifteen_minutes(people: People) -> None:
    session = await people.sign_up()
    viewer = await people.viewer(session)
    assert viewer is not None
    assert (viewer.owner, viewer.user_id, viewer.roles) == (1000, session.user.id, frozenset({Role.MEMBER}))
    assert viewer.expires_at == after(900)
    assert await people.viewer(session, 899.9) == viewer
    assert await people.viewer(session, 900) is None


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --", "a" * 43, "é" * 43, "\x00" * 43, "a" * 100_000])
async def test_what_is_no_token_is_nobody(people: People, token: str) -> None:
    await people.sign_up()
    assert await people.sessions.viewer(token, NOW) is None
    assert await people.partners.viewer(token, NOW) is None
    with pytest.raises(InvalidCredentials):
        await people.refresh(token, 0)


async def test_an_access_token_does_not_refresh_and_a_refresh_token_opens_nothing(people: People) -> None:
    session = await people.sign_up()
    assert await people.sessions.viewer(session.refresh_token, NOW) is None
    with pytest.raises(InvalidCredentials):
        await people.refresh(session.access_token, 1)
    assert await people.viewer(session) is not None


async def test_each_refresh_gives_new_tokens_and_lasts_thirty_days_more(people: People) -> None:
    month = 30 * 86_400
    first = await people.sign_up()
    second = await people.refresh(first.refresh_token, month - 1)
    third = await people.refresh(second.refresh_token, 2 * month - 2)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert third.user == first.user
    assert third.expires_at == after(2 * month - 2 + 900)
    with pytest.raises(InvalidCredentials):
        await people.refresh(third.refresh_token, 3 * month - 2)


async def test_a_lost_reply_is_given_again_to_the_letter(people: People) -> None:
    first = await people.sign_up()
    second = await people.refresh(first.refresh_token, 10)
    again = await people.refresh(first.refresh_token, 40)
    assert again == second
    assert await people.viewer(again, 41) is not None
    third = await people.refresh(again.refresh_token, 42)
    assert await people.viewer(third, 43) is not None


@pytest.mark.parametrize("use_successor", [True, False])
async def test_reuse_ends_the_family(people: People, use_successor: bool) -> None:
    first = await people.sign_up()
    second = await people.refresh(first.refresh_token, 10)
    newest = await people.refresh(second.refresh_token, 11) if use_successor else second
    with pytest.raises(InvalidCredentials):
        await people.refresh(first.refresh_token, 12 if use_successor else 40.001)

    for session in (first, second, newest):
        assert await people.viewer(session, 41) is None
        with pytest.raises(InvalidCredentials):
            await people.refresh(session.refresh_token, 41)
    assert await people.viewer(await people.sign_in(now=after(50)), 51) is not None


async def test_thirty_refreshes_of_one_token_at_once_give_one_successor(people: People, rows: Connection) -> None:
    session = await people.sign_up()
    renewed = await asyncio.gather(*(people.refresh(session.refresh_token, 1) for _ in range(30)))
    assert len({each.refresh_token for each in renewed}) == 1
    assert len({each.access_token for each in renewed}) == 1
    assert await rows.fetchval("SELECT count(*) FROM refresh_token") == 2


async def test_signing_out_ends_this_session_at_once_and_no_other(people: People) -> None:
    here, there = await people.sign_up(), await people.sign_in()
    viewer = await people.viewer(here)
    assert viewer is not None
    assert viewer.session_id is not None
    waiting = asyncio.create_task(people.sessions.ended(viewer.session_id))
    await asyncio.sleep(0)

    await sign_out(people.sessions, session_id=viewer.session_id, now=after(1))

    assert await people.viewer(here, 1) is None
    with pytest.raises(InvalidCredentials):
        await people.refresh(here.refresh_token, 1)
    await asyncio.wait_for(waiting, 1)
    assert await people.viewer(there, 1) is not None


async def test_another_process_hears_of_a_sign_out_within_five_seconds(people: People) -> None:
    session = await people.sign_up()
    elsewhere = PostgresSessions()
    viewer = await elsewhere.viewer(session.access_token, NOW)
    assert viewer is not None
    assert viewer.session_id is not None
    await people.sessions.end(viewer.session_id, NOW)
    assert await elsewhere.viewer(session.access_token, after(4.9)) == viewer
    assert await elsewhere.viewer(session.access_token, after(5)) is None


async def test_a_look_up_that_overlaps_a_sign_out_is_not_remembered(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await people.sign_up()
    look_up = sessions._viewer_of

    async def slow_look_up(digest: str) -> Viewer | None:
        found = await look_up(digest)
        assert found is not None
        assert found.session_id is not None
        await people.sessions.end(found.session_id, NOW)
        return found

    monkeypatch.setattr(sessions, "_viewer_of", slow_look_up)
    await people.viewer(session)
    monkeypatch.undo()
    assert await people.viewer(session) is None


async def test_sessions_that_ran_out_are_removed_at_the_next_sign_in(people: People, rows: Connection) -> None:
    await people.sign_up()
    await people.sign_in(now=after(31 * 86_400))
    assert await rows.fetchval("SELECT count(*) FROM session") == 1
    assert await rows.fetchval("SELECT count(*) FROM access_token") == 1
    assert await rows.fetchval("SELECT count(*) FROM refresh_token") == 1


# ---------------------------------------------------------------- devices, partners, operators


async def test_a_device_is_registered_once(people: People, rows: Connection) -> None:
    user, client_id = (await people.sign_up()).user, str(uuid4())

    async def register(platform: DevicePlatform, push_token: str | None, seconds: float) -> UUID:
        device = await register_device(
            people.users,
            user_id=user.id,
            client_id=client_id,
            platform=platform,
            push_token=push_token,
            now=after(seconds),
        )
        assert (device.platform, device.registered_at) == (platform, NOW)
        assert await people.users.device(user.id, device.id) == device
        return device.id

    first = await register(DevicePlatform.IOS, "token 1", 0)
    assert await register(DevicePlatform.IOS, "token 1", 5) == first
    assert await register(DevicePlatform.ANDROID, None, 6) == first
    row = await rows.fetchrow("SELECT platform, push_token FROM device")
    assert tuple(row or ()) == ("ANDROID", None)
    assert await people.users.device(uuid4(), first) is None


async def test_one_device_registered_thirty_times_at_once_is_one(people: People, rows: Connection) -> None:
    user, client_id = (await people.sign_up()).user, uuid4()
    devices = await asyncio.gather(
        *(people.users.register_device(user.id, client_id, DevicePlatform.WEB, None, NOW) for _ in range(30))
    )
    assert len({device.id for device in devices}) == 1
    assert await rows.fetchval("SELECT count(*) FROM device") == 1


@pytest.mark.parametrize(("client_id", "field"), [("", "clientId"), ("42", "clientId"), ("x" * 36, "clientId")])
async def test_a_client_id_is_a_canonical_uuid(people: People, client_id: str, field: str) -> None:
    user = (await people.sign_up()).user
    with pytest.raises(InvalidInput) as refused:
        await register_device(
            people.users, user_id=user.id, client_id=client_id, platform=DevicePlatform.WEB, push_token=None, now=NOW
        )
    assert refused.value.field == field


async def test_a_partner_acts_by_its_key_until_it_is_replaced(people: People) -> None:
    partner, key = await create_partner(people.partners, name=" Corner Shop ", now=NOW)
    other, other_key = await create_partner(people.partners, name="Corner Shop", now=NOW)
    assert (partner.name, partner.owner, other.owner) == ("Corner Shop", 1000, 1001)
    assert await people.partners.by_id(partner.id) == partner

    viewer = await people.partners.viewer(key, NOW)
    assert viewer == Viewer(1000, frozenset({Role.PARTNER}), partner_id=partner.id)
    label, prefix, secret = key.split("_", 2)
    assert (label, len(prefix), len(secret)) == ("gk", 8, 43)
    assert await people.partners.viewer(f"gk_{prefix}_{'A' * 43}", NOW) is None
    assert await people.partners.viewer(f"gk_{other_key.split('_')[1]}_{secret}", NOW) is None

    replaced = await people.partners.replace_key(prefix, after(1))
    assert replaced is not None
    assert replaced[0] == partner
    assert await people.partners.viewer(key, after(1)) is None
    assert await people.partners.viewer(replaced[1], after(1)) == viewer
    assert await people.partners.viewer(other_key, after(1)) is not None
    assert await people.partners.replace_key(prefix, after(2)) is None


async def test_the_operator_is_made_once_and_keeps_its_password(people: People) -> None:
    async def create(password: str) -> User:
        return await create_operator(people.users, people.hasher, email=" Op@Example.org", password=password, now=NOW)

    operator = await create(PASSWORD)
    assert operator.roles == frozenset({Role.MEMBER, Role.OPERATOR})
    assert await create("another good password") == operator
    assert (await people.sign_in("op@example.org")).user == operator
    with pytest.raises(InvalidCredentials):
        await people.sign_in("op@example.org", "another good password")


async def test_a_person_who_has_the_address_does_not_become_the_operator(people: People) -> None:
    await people.sign_up()
    with pytest.raises(EmailTaken):
        await create_operator(people.users, people.hasher, email=EMAIL, password=PASSWORD, now=NOW)


async def test_an_erased_person_is_nobody_and_the_pseudonym_is_never_given_again(
    people: People, rows: Connection
) -> None:
    erased = await people.sign_up()
    await rows.execute("DELETE FROM person")
    assert await people.users.by_id(erased.user.id) is None
    with pytest.raises(InvalidCredentials):
        await people.sign_in()
    with pytest.raises(InvalidCredentials):
        await people.refresh(erased.refresh_token, 1)
    again = await people.sign_up()
    assert (erased.user.owner, again.user.owner) == (1000, 1001)
    assert await rows.fetchval("SELECT count(*) FROM users") == 2
