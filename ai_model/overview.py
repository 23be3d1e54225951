"""How the assistant does, for the first page of the administration."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import overview
from accounts.overview import Figure, Notice
from ai_model import handling, providers
from ai_model.control import assistant_of
from ai_model.models import Gap, Turn
from ai_model.providers import chain
from ai_model.validation import look_at
from conversations.templatetags.desk import reason as reason_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import Account
    from accounts.overview import Look
    from ai_model.models import Assistant

#: Newest turns of an account among which those of today are counted.
_NEWEST: Final = 5_000

overview.link(_("Analytics"), "admin:ai_model_tally_changelist")
overview.link(_("Usage"), "admin:ai_model_usage_changelist")
overview.link(
    _("Periodic tasks"), "admin:core_periodictask_changelist", is_for_superusers=True
)


@overview.section(overview.NOW, place=40)
def gaps(look: Look) -> Iterator[Figure | None]:
    """What customers ask and the knowledge does not answer."""
    yield look.figure(
        _("Unanswered questions"),
        Gap,
        lambda rows: rows.undecided().filter(volume__gt=0),
        {},
    )


@overview.section(overview.TODAY)
def turns(look: Look) -> Iterator[Figure | None]:
    """How today's turns ended."""
    if look.pages(Turn) is None:
        return
    counts = _today(look)
    for state, label in (
        (Turn.State.ANSWERED, _("Answered")),
        (Turn.State.HANDED_OVER, _("Handed over")),
        (Turn.State.FAILED, _("Broken turns")),
    ):
        url = overview.list_url(Turn, {"when": "today", "state__exact": state})
        yield Figure(label, counts[state], url, is_alert=state == Turn.State.FAILED)


def _today(look: Look) -> Counter[str]:
    """States of today's turns: of each account the newest are looked through."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    everything = Turn.objects.order_by("-id")
    groups = (
        [everything]
        if look.is_superuser
        else [everything.filter(account=account) for account in look.owned()]
    )
    counts: Counter[str] = Counter()
    for rows in groups:
        newest = rows.values_list("state", "created_at")[:_NEWEST]
        counts.update(state for state, at in newest if at >= midnight)
    return counts


@overview.section(overview.STATE)
def assistants(look: Look) -> Iterator[Notice]:
    """Whether the assistant of each account answers, with what, and what is wrong."""
    accounts = look.owned()
    for account in accounts:
        yield from _providers(account, assistant_of(account), len(accounts) > 1)
    for finding in look_at(accounts):
        place = f"{finding.account}: " if len(accounts) > 1 else ""
        yield Notice(finding.level, place + finding.problem, finding.mend)


def _providers(
    account: Account,
    assistant: Assistant,
    is_one_of_many: bool,  # noqa: FBT001
) -> Iterator[Notice]:
    place = f"{account.name}: " if is_one_of_many else ""
    url = reverse("admin:ai_model_assistant_changelist")
    obstacle = handling.obstacle_of(account)
    if not obstacle and not assistant.answers_at(timezone.now()):
        # The conversations stay the assistant's, but all it says is that it is closed.
        obstacle = "outside_hours"
    if obstacle:
        text = gettext("People reply: %(reason)s") % {"reason": reason_text(obstacle)}
        yield Notice("warning", place + text, url=url)
    else:
        yield Notice("good", place + gettext("The assistant answers."), url=url)
    for each in providers.usable(assistant.chain):
        if chain.is_failing_anywhere(each):
            text = gettext("%(provider)s is failing now; others are asked instead.")
            yield Notice("error", place + text % {"provider": each.label})
        elif not is_one_of_many:
            text = gettext("%(provider)s is ready.") % {"provider": each.label}
            yield Notice("good", text)
