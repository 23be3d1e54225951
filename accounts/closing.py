"""Close: give an account up, and delete all that is known of it, batch by batch."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts import trail
from accounts.models import Account, Change, Token, User
from accounts.signals import account_closing, rows_unwanted
from core.exceptions import InvalidPayload

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that one run of the job deletes for; the next run goes on.
RUN_S: Final = 20.0
#: Until then every process has noticed that its channels are off.
GRACE: Final = dt.timedelta(seconds=15)
_BATCH: Final = 1_000


@transaction.atomic
def close_account(*, account: Account, name: str) -> Account:
    """Give an account up; from now on nothing is taken, answered or sent for it.

    `name` is the account's, written by whoever wants this; raises `InvalidPayload`
    where it is another. Its rows are deleted in the background.
    """
    row = Account.objects.select_for_update().get(pk=account.pk)
    if name.strip() != row.name:
        raise InvalidPayload(gettext("That is not the name of this account."))
    if row.closing_at is None:
        row.closing_at = timezone.now()
        row.save(update_fields=["closing_at"])
        Token.objects.filter(account=row).delete()
        account_closing.send(sender=Account, account=row)
        trail.record(
            account_id=None, verb="close_account", model=Account, subject=row.name
        )
    return row


def go_on() -> int:
    """Delete of closing accounts what there is time for; returns how many have gone."""
    until = time.monotonic() + RUN_S
    closing = Account.objects.filter(closing_at__lte=timezone.now() - GRACE)
    return sum(_empty(account, until) for account in closing.order_by("closing_at"))


def _empty(account: Account, until: float) -> bool:
    """Whether all of it has gone by then."""
    while time.monotonic() < until:
        told: Any = rows_unwanted.send(sender=Account, account=account)
        if not any(count for _receiver, count in told):
            _delete(account)
            return True
    return False


@transaction.atomic
def _delete(account: Account) -> None:
    Change.objects.filter(account=account).delete()
    # Whoever works nowhere else has nothing to sign in for.
    others = Account.objects.exclude(pk=account.pk).values("pk")
    busy = User.objects.filter(memberships__account__in=others).values("pk")
    members = User.objects.filter(memberships__account=account, is_superuser=False)
    keys = list(members.exclude(pk__in=busy).values_list("pk", flat=True))
    User.objects.filter(pk__in=keys).delete()
    account.delete()


def as_lines(account: Account) -> Iterator[str]:
    """All that can be exported of an account, a JSON object a line, without secrets."""
    for model, page in admin.site._registry.items():
        names = getattr(page, "export_fields", ())
        if not names:
            continue
        rows: Any = model._default_manager
        found = rows.for_account(account).order_by("pk").values(*names)
        for row in found.iterator(_BATCH):
            line = {"kind": model._meta.label_lower, **row}
            yield json.dumps(line, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"
