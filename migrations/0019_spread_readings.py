"""Readings over more than a day count on each of their days."""

from tortoise import migrations
from tortoise.migrations import operations as ops

SPREAD = [
    # Its days are those of this zone. A long reading of before this was kept counts on its first day until it comes again.
    """CREATE TABLE long_reading (
        owner bigint NOT NULL, meter text NOT NULL, register text NOT NULL, starts_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL, time_zone text NOT NULL, first_day date NOT NULL, last_day date NOT NULL,
        PRIMARY KEY (owner, meter, register, starts_at, ends_at), CHECK (last_day >= first_day))""",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0018_rebase_members")]
    operations = [ops.RunSQL(SPREAD)]
