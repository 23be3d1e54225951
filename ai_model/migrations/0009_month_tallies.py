import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0005_retention"),
        ("ai_model", "0008_tallies"),
        ("integrations", "0003_channel_limits_and_signatures"),
    ]

    operations = [
        migrations.AddField("tally", "groups", models.JSONField(default=dict)),
        migrations.CreateModel(
            name="MonthTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("counts", models.JSONField(default=dict)),
                ("groups", models.JSONField(default=dict)),
                ("account", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.account")),
                ("channel", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="integrations.channel")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "day", "channel"), name="one_tally_per_channel_month")],
            },
        ),
    ]
