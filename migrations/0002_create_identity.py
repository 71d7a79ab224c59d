from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("gramme", "0001_create_exchange")]
    operations = []
