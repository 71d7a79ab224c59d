from uuid import uuid4

from tortoise import fields, migrations
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("gramme", "0001_create_exchange")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PartnerRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("owner", fields.BigIntField(unique=True)),
                ("name", fields.TextField(unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "partner", "app": "gramme", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ApiKeyRow",
            fields=[
                ("hash", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("prefix", fields.CharField(unique=True, max_length=8)),
                (
                    "partner",
                    fields.ForeignKeyField(
                        "gramme.PartnerRow",
                        source_field="partner_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("owner", fields.BigIntField()),
                ("roles", ArrayField(element_type="TEXT")),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "api_key",
                "app": "gramme",
                "pk_attr": "hash",
                "table_description": "`owner` is whose account it acts for.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PersonRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ("email", fields.TextField(unique=False)),
                ("email_key", fields.CharField(unique=True, max_length=1024)),
                ("display_name", fields.TextField(unique=False)),
            ],
            options={
                "table": "person",
                "app": "gramme",
                "pk_attr": "id",
                "table_description": "`email_key` is the address as it is compared.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UserRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "person",
                    fields.OneToOneField(
                        "gramme.PersonRow",
                        source_field="person_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("owner", fields.BigIntField(unique=True)),
                ("password_hash", fields.TextField(unique=False)),
                ("region", fields.TextField(unique=False)),
                ("locale", fields.TextField(unique=False)),
                ("time_zone", fields.TextField(unique=False)),
                ("roles", ArrayField(element_type="TEXT")),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "users",
                "app": "gramme",
                "pk_attr": "id",
                "table_description": "The pseudonym outlives the person: a user whose person row is gone was erased, and cannot sign in.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DeviceRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "gramme.UserRow",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("client_id", fields.UUIDField()),
                ("platform", fields.TextField(unique=False)),
                ("push_token", fields.TextField(null=True, unique=False)),
                ("registered_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "device",
                "app": "gramme",
                "unique_together": (("user_id", "client_id"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SessionRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "gramme.UserRow",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "session",
                "app": "gramme",
                "pk_attr": "id",
                "table_description": "A sign-in, kept when it has ended; `expires_at` is that of its newest refresh token.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AccessTokenRow",
            fields=[
                ("hash", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                (
                    "session",
                    fields.ForeignKeyField(
                        "gramme.SessionRow",
                        source_field="session_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={"table": "access_token", "app": "gramme", "pk_attr": "hash"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RefreshTokenRow",
            fields=[
                ("hash", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                (
                    "session",
                    fields.ForeignKeyField(
                        "gramme.SessionRow",
                        source_field="session_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("successor", fields.CharField(null=True, max_length=64)),
                ("sealed", fields.BinaryField(null=True)),
            ],
            options={
                "table": "refresh_token",
                "app": "gramme",
                "pk_attr": "hash",
                "table_description": "`successor` is the hash of the next one, `sealed` holds both tokens that followed.",
            },
            bases=["Model"],
        ),
    ]
