"""Who replies: whether the assistant may, and if not, why. Decided here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone

from accounts.models import Account
from ai_model import providers, spending
from ai_model.providers import chain
from ai_model.setup import setup_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ai_model.models import Assistant
    from ai_model.providers.base import Provider

#: Obstacles of which the contact hears nothing: people want to reply themselves. Of any
#: other one the assistant says that a colleague will answer, before people reply.
SILENT: Final = frozenset({"manual_by_default", "auto_response_off"})


def obstacle(
    assistant: Assistant, is_failing: Callable[[Provider], bool] = chain.is_failing
) -> str:
    """Why the assistant may not reply now, as a reason; empty: it may."""
    if not assistant.auto_response:
        return "auto_response_off"
    if assistant.hands_over_at(timezone.now()):
        return "outside_hours"
    usable = providers.usable(assistant.chain)
    if not usable:
        return "no_provider"
    if all(is_failing(each) for each in usable):
        return "provider_failing"
    return ""


def known_obstacle(assistant: Assistant) -> str:
    """As above, by what any process knows, and whether all that may be spent is spent."""
    found = obstacle(assistant, chain.is_failing_anywhere)
    if found or "local" in assistant.chain or not spending.is_over(assistant):
        return found
    return "budget"


def obstacle_of(account: Account) -> str:
    """Why the account's assistant may not reply now; as above."""
    return known_obstacle(setup_of(account.pk, account.knowledge_version).assistant)


def reasons_for_people(accounts: set[int]) -> dict[int, str]:
    """By account: why its new conversations begin with people; others with the assistant.

    An obstacle that the contact is to hear of is left to the first turn, which says so
    and hands over in one commit.
    """
    rows = Account.objects.filter(pk__in=accounts).values_list(
        "pk", "knowledge_version", "default_reply_handler"
    )
    found = {key: _reason(key, version, handler) for key, version, handler in rows}
    return {key: reason for key, reason in found.items() if reason in SILENT}


def _reason(key: int, version: int, handler: str) -> str:
    if handler == Account.Handler.SUPPORT:
        return "manual_by_default"
    return obstacle(setup_of(key, version).assistant)
