"""Fewer indexes on orders: each costs every order that is placed, and once more when it ends.

An order is found by its key through its command, which has the key too and whose number it bears; `command` holds that
no key comes twice. One index of the open ones serves their owner, a market (its entries hold the instrument) and
recovery.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

ORDERS = [
    "DROP INDEX orders_key",
    "DROP INDEX orders_open_of_owner",
    "DROP INDEX orders_open",
    "CREATE INDEX orders_open ON orders (owner, id, instrument) WHERE status IN ('OPEN', 'PARTIALLY_FILLED')",
]


class Migration(migrations.Migration):
    dependencies = [("gramme", "0016_share_answers")]
    operations = [ops.RunSQL(ORDERS)]
