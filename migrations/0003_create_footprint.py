from tortoise import migrations


class Migration(migrations.Migration):
    dependencies = [("gramme", "0002_create_identity")]
    operations = []
