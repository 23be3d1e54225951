from django.db import migrations, models

KINDS = [
    ("manual", "Manual prompt"),
    ("knowledge_source", "Knowledge source"),
    ("product", "Product / service"),
    ("question_answer", "Question / answer"),
    ("kommo", "Instructions for Kommo"),
]


class Migration(migrations.Migration):
    dependencies = [("ai_model", "0011_attachments_of_turns")]

    operations = [
        migrations.AlterField(
            model_name=name,
            name="kind",
            field=models.CharField(choices=KINDS, max_length=20, verbose_name="kind"),
        )
        for name in ("prompt", "promptdraft")
    ]
