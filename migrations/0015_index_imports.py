"""Finds the files that one person sent lately, to tell whose turn it is."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("gramme", "0014_create_households")]
    operations = [ops.RunSQL(["CREATE INDEX import_job_sent ON import_job (owner, created_at)"])]
