from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


def dropped(table: str, column: str, mark: str) -> migrations.RunSQL:
    """An index of one column, by its name: SQLite would write the whole table anew."""
    name = f"{table}_{column}_{mark}"
    return migrations.RunSQL(
        f"DROP INDEX IF EXISTS {name}", f"CREATE INDEX {name} ON {table} ({column})"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_closing_accounts"),
        ("conversations", "0012_messages_have_one_index_of_accounts"),
        ("integrations", "0011_events_have_one_index_of_channels"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="contact",
                    name="channel",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contacts",
                        to="integrations.channel",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="account",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to="accounts.account",
                    ),
                ),
                migrations.AlterField(
                    model_name="conversation",
                    name="channel",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to="integrations.channel",
                    ),
                ),
                migrations.AlterField(
                    model_name="delivery",
                    name="message",
                    field=models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="conversations.message",
                    ),
                ),
            ],
            database_operations=[
                dropped("conversations_contact", "channel_id", "a91d73d6"),
                dropped("conversations_conversation", "account_id", "140c2573"),
                dropped("conversations_conversation", "channel_id", "c75ad9c1"),
                dropped("conversations_delivery", "message_id", "1f22aefb"),
            ],
        ),
    ]
