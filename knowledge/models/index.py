"""KnowledgeIndex: what an account's answers search, and how it is told of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account

if TYPE_CHECKING:
    from collections.abc import Iterable


class KnowledgeIndex(Account):  # type: ignore[django-manager-missing]
    """An account, seen as what its answers search."""

    class Meta:
        proxy = True
        verbose_name = _("search index")
        verbose_name_plural = _("search indexes")


def note_change(account_id: int) -> None:
    """Tell the search indexes of an account that they are old.

    In the same transaction as the change: whoever claims a turn after it sees both.
    """
    Account.objects.filter(pk=account_id).update(
        knowledge_version=models.F("knowledge_version") + 1
    )


def hold_knowledge(account_ids: Iterable[int]) -> None:
    """Let nobody else change the knowledge of these accounts until the transaction ends.

    Comes before any lock on entries, questions or gaps, and `note_change` comes with it:
    who locks in one order never waits for somebody who waits for them.
    """
    rows = Account.objects.select_for_update(no_key=True).filter(pk__in=account_ids)
    list(rows.order_by("pk").values_list("pk"))
