"""Batches are chained over columns: `link` says how, 1 for rows and 2 for columns."""

from tortoise import migrations
from tortoise.migrations import operations as ops

BATCH = [
    "ALTER TABLE batch ADD COLUMN link smallint NOT NULL DEFAULT 1",
    "ALTER TABLE batch ALTER COLUMN link SET DEFAULT 2",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0019_spread_readings")]
    operations = [ops.RunSQL(BATCH)]
