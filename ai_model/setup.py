"""What the answers of an account depend on besides its entries, kept while it is true."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from accounts.models import Account
from ai_model.confidence import NEUTRAL, Adjustment
from ai_model.models import Assistant, Prompt

#: Accounts whose setup one process keeps.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings of an account. Shared by many turns; nobody changes it."""

    business: str
    assistant: Assistant
    #: The newest version of each kind.
    prompts: tuple[Prompt, ...]
    #: What the account's knowledge and judgements taught about its confidence.
    adjustment: Adjustment = NEUTRAL


_kept: OrderedDict[int, tuple[int, Setup]] = OrderedDict()


def setup_of(account_id: int, version: int) -> Setup:
    """The account's setup, at least as new as this version of the account."""
    kept = _kept.get(account_id)
    if kept is not None and kept[0] >= version:
        return kept[1]
    related = ("assistant", "calibration")
    account = Account.objects.select_related(*related).get(pk=account_id)
    try:
        assistant = account.assistant
    except Assistant.DoesNotExist:
        assistant = Assistant(account=account)
    newest: dict[str, Prompt] = {}
    for each in Prompt.objects.filter(account_id=account_id).order_by("version"):
        newest[each.kind] = each
    known = getattr(account, "calibration", None)
    found = Setup(
        account.name,
        assistant,
        tuple(newest.values()),
        known.adjustment if known else NEUTRAL,
    )
    _kept[account_id] = (account.knowledge_version, found)
    while len(_kept) > MOST:
        _kept.popitem(last=False)
    return found


def clear() -> None:
    """Forget everything, as between tests."""
    _kept.clear()
