"""Batches are chained over columns: `link` says how, 1 for rows and 2 for columns.

A writer of a version before, which may still hold the lease, names no `link` and chains rows: the default is theirs.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

BATCH = ["ALTER TABLE batch ADD COLUMN link smallint NOT NULL DEFAULT 1"]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0019_spread_readings")]
    operations = [ops.RunSQL(BATCH)]
