"""People and their devices, partners and API keys, and the rows of sessions (`sessions.py` is their store).

E-mail address and name stand in `person` and nowhere else; everything else knows ids and owner numbers. Tokens and keys
are stored as SHA-256.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.exceptions import IntegrityError
from tortoise.models import Model
from tortoise.transactions import in_transaction

from domain.identity.credentials import comparable_email
from domain.identity.model import Device, DevicePlatform, EmailTaken, Role, User, Viewer
from domain.ids import new_id
from domain.rewards.model import Partner
from infra.security import tokens
from infra.security.recent_viewers import RecentViewers


class PersonRow(Model):
    """`email_key` is the address as it is compared."""

    id = fields.UUIDField(primary_key=True)
    email = fields.TextField()
    email_key = fields.CharField(max_length=1024, unique=True)
    display_name = fields.TextField()

    class Meta:
        table = "person"


class UserRow(Model):
    """The pseudonym outlives the person: a user whose person row is gone was erased, and cannot sign in."""

    id = fields.UUIDField(primary_key=True)
    person: fields.OneToOneNullableRelation[PersonRow] = fields.OneToOneField(
        "gramme.PersonRow", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    owner = fields.BigIntField(unique=True)
    password_hash = fields.TextField()
    region = fields.TextField()
    locale = fields.TextField()
    time_zone = fields.TextField()
    roles = ArrayField("text")
    created_at = fields.DatetimeField()

    class Meta:
        table = "users"


class SessionRow(Model):
    """A sign-in, kept when it has ended; `expires_at` is that of its newest refresh token."""

    id = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation[UserRow] = fields.ForeignKeyField(
        "gramme.UserRow", related_name=False, db_index=True
    )
    user_id: UUID
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    expires_at = fields.DatetimeField()

    class Meta:
        table = "session"


class AccessTokenRow(Model):
    hash = fields.CharField(max_length=64, primary_key=True)
    session: fields.ForeignKeyRelation[SessionRow] = fields.ForeignKeyField(
        "gramme.SessionRow", related_name=False, db_index=True
    )
    session_id: UUID
    expires_at = fields.DatetimeField()

    class Meta:
        table = "access_token"


class RefreshTokenRow(Model):
    """`successor` is the hash of the next one, `sealed` holds both tokens that followed."""

    hash = fields.CharField(max_length=64, primary_key=True)
    session: fields.ForeignKeyRelation[SessionRow] = fields.ForeignKeyField(
        "gramme.SessionRow", related_name=False, db_index=True
    )
    session_id: UUID
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)
    successor = fields.CharField(max_length=64, null=True)
    sealed = fields.BinaryField(null=True)

    class Meta:
        table = "refresh_token"


class DeviceRow(Model):
    id = fields.UUIDField(primary_key=True)
    user: fields.ForeignKeyRelation[UserRow] = fields.ForeignKeyField("gramme.UserRow", related_name=False)
    user_id: UUID
    client_id = fields.UUIDField()
    platform = fields.TextField()
    push_token = fields.TextField(null=True)
    registered_at = fields.DatetimeField()

    class Meta:
        table = "device"
        unique_together = (("user_id", "client_id"),)


class PartnerRow(Model):
    id = fields.UUIDField(primary_key=True)
    owner = fields.BigIntField(unique=True)
    name = fields.TextField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "partner"


class ApiKeyRow(Model):
    """`owner` is whose account it acts for."""

    hash = fields.CharField(max_length=64, primary_key=True)
    prefix = fields.CharField(max_length=8, unique=True)
    partner: fields.ForeignKeyNullableRelation[PartnerRow] = fields.ForeignKeyField(
        "gramme.PartnerRow", related_name=False, null=True
    )
    partner_id: UUID | None
    owner = fields.BigIntField()
    roles = ArrayField("text")
    created_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_key"


class PostgresUsers:
    async def add(self, user: User, password_hash: str) -> User:
        try:
            async with in_transaction() as connection:
                added = replace(user, owner=await _next_owner(connection))
                await PersonRow.create(
                    id=added.id,
                    email=added.email,
                    email_key=comparable_email(added.email),
                    display_name=added.display_name,
                    using_db=connection,
                )
                await UserRow.create(
                    id=added.id,
                    person_id=added.id,
                    owner=added.owner,
                    password_hash=password_hash,
                    region=added.region,
                    locale=added.locale,
                    time_zone=added.time_zone,
                    roles=sorted(added.roles),
                    created_at=added.created_at,
                    using_db=connection,
                )
        except IntegrityError as error:
            raise EmailTaken() from error
        return added

    async def by_id(self, user_id: UUID) -> User | None:
        row = await UserRow.filter(id=user_id).select_related("person").first()
        return None if row is None else _user(row)

    async def by_email(self, email: str) -> tuple[User, str] | None:
        row = await UserRow.filter(person__email_key=email).select_related("person").first()
        user = None if row is None else _user(row)
        return None if row is None or user is None else (user, row.password_hash)

    async def set_password_hash(self, user_id: UUID, password_hash: str) -> None:
        await UserRow.filter(id=user_id).update(password_hash=password_hash)

    async def set_role(self, user_id: UUID, role: Role, held: bool) -> bool:
        async with in_transaction() as connection:
            row = await UserRow.filter(id=user_id).using_db(connection).select_for_update().get()
            if (role.value in row.roles) is held:
                return False
            row.roles = sorted({*row.roles, role.value} if held else {*row.roles} - {role.value})
            await row.save(update_fields=["roles"], using_db=connection)
            return True

    async def register_device(
        self, user_id: UUID, client_id: UUID, platform: DevicePlatform, push_token: str | None, now: datetime
    ) -> Device:
        new = DeviceRow(
            id=new_id(now),
            user_id=user_id,
            client_id=client_id,
            platform=platform.value,
            push_token=push_token,
            registered_at=now,
        )
        changed = ("platform", "push_token")
        await DeviceRow.bulk_create([new], on_conflict=("user_id", "client_id"), update_fields=changed)
        return _device(await DeviceRow.get(user_id=user_id, client_id=client_id))

    async def device(self, user_id: UUID, device_id: UUID) -> Device | None:
        row = await DeviceRow.get_or_none(user_id=user_id, id=device_id)
        return None if row is None else _device(row)


class PostgresPartners:
    """Whose key it is stays known for five seconds; a key that this process replaces is worth nothing at once."""

    def __init__(self) -> None:
        self._viewers = RecentViewers()

    async def add(self, name: str, now: datetime) -> tuple[Partner, str]:
        async with in_transaction() as connection:
            partner = Partner(new_id(now), await _next_owner(connection), name)
            await PartnerRow.create(id=partner.id, owner=partner.owner, name=name, created_at=now, using_db=connection)
            return partner, await _new_key(partner, now, connection)

    async def replace_key(self, key_prefix: str, now: datetime) -> tuple[Partner, str] | None:
        async with in_transaction() as connection:
            in_use = ApiKeyRow.filter(prefix=key_prefix, revoked_at=None).using_db(connection)
            old = await in_use.select_for_update().first()
            if old is None:
                return None
            await ApiKeyRow.filter(hash=old.hash).using_db(connection).update(revoked_at=now)
            row = await PartnerRow.get(id=old.partner_id, using_db=connection)
            partner = Partner(row.id, row.owner, row.name)
            key = await _new_key(partner, now, connection)
        self._viewers = RecentViewers()
        return partner, key

    async def by_id(self, partner_id: UUID) -> Partner | None:
        row = await PartnerRow.get_or_none(id=partner_id)
        return None if row is None else Partner(row.id, row.owner, row.name)

    async def viewer(self, api_key: str, now: datetime) -> Viewer | None:
        if not tokens.is_api_key(api_key):
            return None
        digest = tokens.digest(api_key)
        recent = self._viewers
        viewer = recent.get(digest, now)
        if viewer is None:
            row = await ApiKeyRow.get_or_none(hash=digest, revoked_at=None)
            if row is None:
                return None
            viewer = Viewer(row.owner, frozenset(map(Role, row.roles)), partner_id=row.partner_id)
            recent.keep(digest, viewer, now)
        return viewer


async def _new_key(partner: Partner, now: datetime, connection: BaseDBAsyncClient) -> str:
    key, prefix = tokens.new_api_key()
    await ApiKeyRow.create(
        hash=tokens.digest(key),
        prefix=prefix,
        partner_id=partner.id,
        owner=partner.owner,
        roles=[Role.PARTNER.value],
        created_at=now,
        using_db=connection,
    )
    return key


async def _next_owner(connection: BaseDBAsyncClient) -> int:
    rows = await connection.execute_query_dict("SELECT nextval('owner_number') AS owner")
    return int(rows[0]["owner"])


def _device(row: DeviceRow) -> Device:
    return Device(row.id, DevicePlatform(row.platform), row.registered_at)


def _user(row: UserRow) -> User | None:
    """None where the person was erased."""
    if row.person is None:
        return None
    return User(
        id=row.id,
        owner=row.owner,
        email=row.person.email,
        display_name=row.person.display_name,
        region=row.region,
        locale=row.locale,
        time_zone=row.time_zone,
        roles=frozenset(map(Role, row.roles)),
        created_at=row.created_at,
    )
