"""What an account's knowledge and judgements say of its confidence, put to use."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from accounts.models import Account
from ai_model import judging
from ai_model.confidence import DEFAULT_THRESHOLD, Adjustment
from ai_model.models import Assistant, Calibration, Turn
from ai_model.recalibration import recalibrate
from ai_model.risk import threshold_for
from ai_model.selfcheck import MOST_ENTRIES, self_check
from knowledge import search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ai_model.risk import Case
    from knowledge.index import Document

logger = logging.getLogger(__name__)

#: Time without changes after which an account is looked at.
QUIET = dt.timedelta(seconds=60)
#: Time after which somebody else takes up what a dead worker had begun.
LEASE = dt.timedelta(minutes=15)
#: Accounts with new turns are looked at so often.
EVERY = dt.timedelta(hours=1)
#: Seconds for which one run of the timed job begins with further accounts.
_BUDGET_S = 40.0
#: Turns this much older than the last look are looked at once more: a correction may
#: have come after it.
_AGAIN = dt.timedelta(days=1)


def notice() -> int:
    """Plan a look at accounts that are new, changed or busy; returns how many."""
    now = timezone.now()
    count = 0
    for account_id, version in Account.objects.filter(
        calibration=None, assistant__isnull=False
    ).values_list("pk", "knowledge_version"):
        _row, is_new = Calibration.objects.get_or_create(
            account_id=account_id,
            defaults={"knowledge_version": version, "due_at": now + QUIET},
        )
        count += is_new
    changed = Calibration.objects.exclude(
        knowledge_version=F("account__knowledge_version")
    )
    for row in changed.select_related("account"):
        # Each change puts it off, so that an import is looked at when it has ended.
        count += Calibration.objects.filter(
            pk=row.pk, knowledge_version=row.knowledge_version
        ).update(knowledge_version=row.account.knowledge_version, due_at=now + QUIET)
    newest = Turn.objects.filter(account=OuterRef("account")).order_by("-pk")
    busy = Calibration.objects.filter(due_at=None, computed_at__lt=now - EVERY).filter(
        computed_at__lt=Subquery(newest.values("created_at")[:1])
    )
    keys = list(busy.values_list("pk", flat=True))
    return count + Calibration.objects.filter(pk__in=keys, due_at=None).update(
        due_at=now
    )


def run_due() -> int:
    """Look at the accounts that are due, one after the other; returns how many."""
    deadline = time.monotonic() + _BUDGET_S
    count = 0
    while time.monotonic() < deadline:
        claimed = claim()
        if claimed is None:
            break
        calibrate(account=claimed.account)
        # What became due meanwhile stays so.
        Calibration.objects.filter(pk=claimed.pk, due_at=claimed.due_at).update(
            due_at=None
        )
        count += 1
    return count


def claim() -> Calibration | None:
    """An account that is due, for this job alone; None: there is none."""
    now = timezone.now()
    due = Calibration.objects.filter(due_at__lte=now).select_related("account")
    for row in due.order_by("due_at")[:20]:
        mine = Calibration.objects.filter(pk=row.pk, due_at=row.due_at)
        row.due_at = now + LEASE
        if mine.update(due_at=row.due_at):
            return row
    return None


def calibrate(*, account: Account) -> Calibration:
    """Learn from what the account knows and what was judged; done again, the same."""
    row, _ = Calibration.objects.get_or_create(account=account)
    since = row.computed_at - _AGAIN if row.computed_at else None
    judging.collect(account.pk, since)
    # One more than it looks at: it is to know that there are more.
    documents, vectors = search.read(account.pk, most=MOST_ENTRIES + 1)
    knowledge = _digest(documents, account.vectors_model if vectors else "")
    checked = row.checked
    if knowledge != row.knowledge:
        checked = self_check(documents, vectors)
    return _learn(account, checked, knowledge=knowledge)


def refresh(*, account: Account) -> Calibration:
    """Derive the threshold anew, as after a change of the budget."""
    row, _ = Calibration.objects.get_or_create(account=account)
    return _learn(account, row.checked)


def _digest(documents: Iterable[Document], model: str) -> str:
    """The name of what can be asked and found."""
    digest = hashlib.sha256(model.encode())
    for each in documents:
        said = (each.entry, each.title, each.body, each.examples, each.generated)
        digest.update(repr(said).encode())
    return digest.hexdigest()


def _learn(account: Account, checked: Adjustment, **values: Any) -> Calibration:
    cases = judging.cases_of(account.pk)
    judged = [(each.confidence, each.right) for each in cases if each.right is not None]
    adjustment = recalibrate(judged, checked)
    return _store(
        account,
        checked_slope=checked.slope,
        checked_offset=checked.offset,
        slope=adjustment.slope,
        offset=adjustment.offset,
        judged=len(judged),
        wrong=sum(not right for _, right in judged),
        **_derive(account, cases, adjustment),
        **values,
    )


def _derive(
    account: Account, cases: Sequence[Case], adjustment: Adjustment
) -> dict[str, Any]:
    """The fields that say what the account's budget allows, if it has one."""
    rows = Assistant.objects.filter(account=account)
    budget = rows.values_list("wrong_budget", flat=True).first()
    if budget is None:
        return {"budget": None, "threshold": None, "is_proved": False}
    choice = threshold_for(cases, budget, DEFAULT_THRESHOLD, adjustment.apply)
    return {
        "budget": budget,
        "threshold": choice.threshold,
        "is_proved": choice.proof is not None,
        "least_budget": round(choice.least, 4),
        "proof_judged": choice.proof.judged if choice.proof else 0,
        "proof_wrong": choice.proof.wrong if choice.proof else 0,
    }


@transaction.atomic
def _store(account: Account, **values: Any) -> Calibration:
    row = Calibration.objects.select_for_update().get(account=account)
    before = (row.adjustment, row.budget, row.threshold)
    for name, value in values.items():
        setattr(row, name, value)
    row.computed_at = timezone.now()
    if before != (row.adjustment, row.budget, row.threshold):
        # Running workers read it with the settings. Whoever had seen all changes until
        # now has seen this one as well.
        search.note_other_change(account.pk)
        versions = Account.objects.values_list("knowledge_version", flat=True)
        row.knowledge_version += (
            row.knowledge_version == versions.get(pk=account.pk) - 1
        )
    row.save()
    return row
