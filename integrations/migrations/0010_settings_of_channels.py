from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0009_find_failed_events")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="settings",
            field=models.JSONField(blank=True, default=dict, editable=False),
        ),
    ]
