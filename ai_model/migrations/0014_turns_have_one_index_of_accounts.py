from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_closing_accounts"),
        ("ai_model", "0013_turns_have_one_index_of_conversations"),
    ]

    # By its name: SQLite would write the whole table anew.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="turn",
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
                    "DROP INDEX IF EXISTS ai_model_turn_account_id_f1e056b6",
                    "CREATE INDEX ai_model_turn_account_id_f1e056b6 ON ai_model_turn (account_id)",
                ),
            ],
        ),
    ]
