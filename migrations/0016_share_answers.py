"""What a person said once holds with the number of people who shared it."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("gramme", "0015_index_imports")]
    operations = [ops.RunSQL(["ALTER TABLE remembered_answer ADD COLUMN shared_by integer CHECK (shared_by > 0)"])]
