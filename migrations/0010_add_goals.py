"""What a person aims at, and what a programme counts by."""

from tortoise import migrations
from tortoise.migrations import operations as ops

GOALS = [
    """CREATE TABLE goal (
        owner bigint PRIMARY KEY, weekly bigint NOT NULL CHECK (weekly > 0), set_at timestamptz NOT NULL)""",
    "ALTER TABLE programme ADD basis text NOT NULL DEFAULT 'DIRECT' CHECK (basis IN ('DIRECT', 'LIFECYCLE'))",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0009_remember_answers")]
    operations = [ops.RunSQL(GOALS)]
