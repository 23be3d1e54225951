from collections import defaultdict

from django.db import migrations


def _is_group(name):
    head, _colon, tail = name.partition(":")
    return head == "topic" or tail.isdecimal()


def _split(row, amounts):
    row.groups = {name: amount for name, amount in amounts.items() if _is_group(name)}
    row.counts = {name: amount for name, amount in amounts.items() if not _is_group(name)}


def fill(apps, schema_editor):
    """Put groups apart, count replies by the groups, and add days up to months."""
    Tally = apps.get_model("ai_model", "Tally")
    MonthTally = apps.get_model("ai_model", "MonthTally")
    months = defaultdict(lambda: defaultdict(int))
    changed = []
    for row in Tally.objects.iterator():
        amounts = dict(row.counts)
        for head in ("reply", "first"):
            parts = (name.partition(":") for name in amounts)
            names = [f"{head}:{tail}" for start, _, tail in parts if start == head and tail.isdecimal()]
            if names:
                amounts[f"{head}:count"] = sum(amounts[name] for name in names)
        _split(row, amounts)
        changed.append(row)
        if len(changed) == 500:
            Tally.objects.bulk_update(changed, ["counts", "groups"])
            changed = []
        month = months[row.account_id, row.channel_id, row.day.replace(day=1)]
        for name, amount in amounts.items():
            month[name] = max(month[name], amount) if name == "reply:longest" else month[name] + amount
    Tally.objects.bulk_update(changed, ["counts", "groups"])
    new = []
    for (account, channel, day), amounts in months.items():
        new.append(MonthTally(account_id=account, channel_id=channel, day=day))
        _split(new[-1], amounts)
    MonthTally.objects.bulk_create(new, batch_size=500)


def put_together(apps, schema_editor):
    """As it was: all amounts in one column."""
    Tally = apps.get_model("ai_model", "Tally")
    for row in Tally.objects.iterator():
        row.counts = {**row.counts, **row.groups}
        for head in ("reply", "first"):
            row.counts.pop(f"{head}:count", None)
        row.save(update_fields=["counts"])


class Migration(migrations.Migration):

    dependencies = [("ai_model", "0009_month_tallies")]

    operations = [migrations.RunPython(fill, put_together)]
