from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0010_settings_of_channels"),
    ]

    # By its name: SQLite would write the whole table anew.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="event",
                    name="channel",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="integrations.channel",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS integrations_event_channel_id_05dffa1e",
                    "CREATE INDEX integrations_event_channel_id_05dffa1e ON integrations_event (channel_id)",
                ),
            ],
        ),
    ]
