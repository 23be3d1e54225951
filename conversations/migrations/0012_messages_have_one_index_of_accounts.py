from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_closing_accounts"),
        ("conversations", "0011_messages_have_one_index_of_conversations"),
    ]

    # By its name: SQLite would write the whole table anew.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="message",
                    name="account",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "DROP INDEX IF EXISTS conversations_message_account_id_0250f8a8",
                    "CREATE INDEX conversations_message_account_id_0250f8a8 ON conversations_message (account_id)",
                ),
            ],
        ),
    ]
