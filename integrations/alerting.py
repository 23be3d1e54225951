"""An account's alert services: where they reach its staff, and whether they work."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from core import http
from core.exceptions import PermanentProviderError
from core.language import speaking
from core.text import truncate
from integrations import alerts
from integrations.models import AlertTarget

if TYPE_CHECKING:
    from accounts.models import Account
    from integrations.alerts.base import AlertAdapter


def target_of(account_id: int, service: str) -> AlertTarget | None:
    """Where this service reaches the account's staff, if the owner has said."""
    rows = AlertTarget.objects.filter(account_id=account_id, is_active=True)
    return rows.filter(service=service).first()


def adapter_of(
    account: Account, target: AlertTarget | None, service: str
) -> AlertAdapter:
    """The adapter that tells the account's staff."""
    facts = alerts.facts_of(account)
    if target is not None:
        facts = replace(facts, credentials=target.credentials, lang=target.lang)
    return alerts.get(service)(facts)


def hold_off_s(target: AlertTarget, seconds: float) -> float:
    """Take the right to tell now; else the seconds until somebody may again."""
    now = timezone.now()
    free = Q(quiet_until=None) | Q(quiet_until__lte=now)
    until = now + dt.timedelta(seconds=seconds)
    rows = AlertTarget.objects.filter(pk=target.pk)
    if rows.filter(free).update(quiet_until=until):
        return 0.0
    taken = rows.values_list("quiet_until", flat=True).first()
    return max(0.05, (taken - now).total_seconds()) if taken else 0.05


def note(target: AlertTarget | None, problem: str) -> None:
    """Keep why the service refuses us; empty: it took an alert."""
    if target is not None and target.error != problem:
        target.error = truncate(problem, 300)
        target.save(update_fields=["error"])


def give_back(target: AlertTarget | None) -> None:
    """Nothing was told after all, so nobody has to hold off."""
    if target is not None:
        AlertTarget.objects.filter(pk=target.pk).update(quiet_until=None)


def send_test(target: AlertTarget) -> None:
    """Send an alert that says it is a test; raises `ProviderError`."""
    adapter = adapter_of(target.account, target, target.service)
    with speaking(adapter.account.spoken):
        alert = alerts.Alert(
            reference=uuid.uuid4(),
            reason=gettext("A test of this alert"),
            customer=target.account.name,
            text=gettext("If you can read this, alerts arrive here."),
            at=timezone.now(),
        )
    try:
        http.run(adapter.send(alert))
    except PermanentProviderError as exc:
        note(target, str(exc))
        raise
    note(target, "")
