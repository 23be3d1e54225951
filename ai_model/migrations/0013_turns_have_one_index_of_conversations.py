from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ai_model", "0012_instructions_for_kommo"),
        ("conversations", "0011_messages_have_one_index_of_conversations"),
    ]

    # By its name: SQLite would write the whole table anew.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="turn",
                    name="conversation",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="turns",
                        to="conversations.conversation",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS ai_model_turn_conversation_id_e4ee9340",
                    "CREATE INDEX ai_model_turn_conversation_id_e4ee9340 ON ai_model_turn (conversation_id)",
                ),
            ],
        ),
    ]
