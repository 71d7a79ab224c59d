"""The migrations make what the models say: the ORM's own command finds nothing to add."""

from tortoise import Tortoise
from tortoise.migrations.autodetector import MigrationAutodetector

from infra.postgres.connection import orm_config


async def test_models_and_migrations_agree() -> None:
    config = orm_config("postgresql://nobody@127.0.0.1:1/nothing")
    apps = config["apps"]
    assert isinstance(apps, dict)
    context = await Tortoise.init(config=config, init_connections=False, _enable_global_fallback=True)
    assert context.apps is not None
    changes = await MigrationAutodetector(context.apps, apps).changes()
    assert [operation for writer in changes for operation in writer.operations] == []
    await Tortoise.close_connections()
