"""Asks every configured provider something, and tells owners when that stops working."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import Account
from ai_model import providers
from ai_model.control import assistant_of, model_of, models_in_use, try_models
from ai_model.models import ProviderTest
from core import http, mail
from core.exceptions import ProviderError
from core.language import speaking
from core.text import truncate
from integrations.alerts import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ai_model.control import Trial
    from ai_model.providers.base import Provider

#: Names a letter for good, with the test and the time since when it is so.
_LETTERS: Final = uuid.UUID("c2a8a4ce-0f0e-4e0b-8a15-0d6f1f6c9b7e")


def run_all() -> list[Trial]:
    """Test each model in use, keep the results and tell the owners what has changed."""
    accounts = list(Account.objects.order_by("pk"))
    models = models_in_use(accounts)
    trials = dict(zip(_names(models), _try_twice(models), strict=True))
    for account in accounts:
        _keep(account, trials)
    for row in ProviderTest.objects.select_related("account"):
        if row.works != row.told_works:
            _tell(row)
    return list(trials.values())


def _names(models: Sequence[tuple[Provider, str]]) -> list[tuple[str, str]]:
    return [(provider.key, model) for provider, model in models]


def _try_twice(models: Sequence[tuple[Provider, str]]) -> list[Trial]:
    """A single failure is nobody's business: what fails is asked once more."""
    trials = try_models(models)
    failed = [number for number, each in enumerate(trials) if not each.works]
    if failed:
        again = try_models([models[number] for number in failed])
        for number, trial in zip(failed, again, strict=True):
            trials[number] = trial
    return trials


def _keep(account: Account, trials: dict[tuple[str, str], Trial]) -> None:
    assistant = assistant_of(account)
    used = {
        (each.key, model_of(assistant, each))
        for each in providers.usable(assistant.chain)
    }
    known = {
        (row.provider, row.model): row
        for row in ProviderTest.objects.filter(account=account)
    }
    for name in known.keys() - used:
        known[name].delete()
    for name in used & trials.keys():
        trial, row = trials[name], known.get(name)
        now = timezone.now()
        since = row.failing_since if row is not None else None
        ProviderTest.objects.update_or_create(
            account=account,
            provider=name[0],
            model=name[1],
            defaults={
                "works": trial.works,
                "latency_ms": trial.latency_ms,
                "quota": trial.quota,
                "error": truncate(trial.error, 300),
                "tested_at": now,
                "failing_since": None if trial.works else since or now,
            },
        )


def _tell(row: ProviderTest) -> None:
    """Whoever claims the news tells it; what cannot be sent is tried next time."""
    rows = ProviderTest.objects.filter(pk=row.pk)
    claimed = rows.filter(told_works=not row.works).update(told_works=row.works)
    owners = facts_of(row.account).owner_emails
    if not claimed or not owners or not mail.is_configured():
        return
    try:
        with speaking(settings.LANGUAGE_CODE):
            letter = _letter(row, owners)
        http.run(mail.send(letter))
    except ProviderError:
        rows.update(told_works=not row.works)


def _letter(row: ProviderTest, owners: tuple[str, ...]) -> mail.Mail:
    names = {"model": row.model or row.provider}
    subject = (
        gettext("%(model)s works again") if row.works else gettext("%(model)s fails")
    )
    context = {"test": row, "public_url": settings.PUBLIC_URL}
    return mail.Mail(
        reference=uuid.uuid5(_LETTERS, f"{row.pk} {row.tested_at}"),
        to=owners,
        subject=subject % names,
        text=render_to_string("ai_model/provider_test.txt", context),
        html=render_to_string("ai_model/provider_test.html", context),
        sender_name="Answerdesk",
    )
