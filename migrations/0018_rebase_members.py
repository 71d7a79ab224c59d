"""How far what a person recorded before joining a programme was brought onto its basis.

Who belongs to one already is done again: some of theirs may be of the other basis.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

MEMBERS = [
    """ALTER TABLE membership ADD COLUMN rebased_at timestamptz,
        ADD COLUMN rebased_after uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'""",
    "CREATE INDEX membership_waiting ON membership (programme, owner) WHERE rebased_at IS NULL",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0017_index_orders_less")]
    operations = [ops.RunSQL(MEMBERS)]
