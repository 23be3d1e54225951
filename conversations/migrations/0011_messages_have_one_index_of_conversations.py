from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0010_profiles_and_portraits"),
    ]

    # By its name: SQLite would write the whole table anew.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="message",
                    name="conversation",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="conversations.conversation",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS conversations_message_conversation_id_f1a2d5e9",
                    "CREATE INDEX conversations_message_conversation_id_f1a2d5e9 ON conversations_message (conversation_id)",
                ),
            ],
        ),
    ]
