"""Tell staff: what an alert says, and how a burst of them becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse

from conversations.models import Message
from core.exceptions import PermanentProviderError, TemporaryProviderError
from core.language import speaking
from core.text import truncate
from escalation import drafts
from escalation.models import Alert, Escalation, Ticket
from integrations import alerting, alerts
from integrations.facts import adapter_of

if TYPE_CHECKING:
    from integrations.alerts.base import AlertAdapter
    from integrations.models import AlertTarget

#: Longest part of the customer's words in an alert.
LONGEST_WORDS = 1000
#: Alerts that one summary stands for.
MOST_OTHERS = 500


@dataclass(frozen=True, slots=True)
class Telling:
    """One message to staff, by which service, and the alerts that it stands for."""

    adapter: AlertAdapter
    target: AlertTarget | None
    alert: alerts.Alert
    #: Beside the one that leads.
    others: tuple[int, ...] = ()


def prepare(row: Alert) -> Telling | None:
    """What is to be sent for an alert; None: somebody has taken it meanwhile.

    Raises `TemporaryProviderError` while others have just been told: what comes until
    then becomes one message.
    """
    if row.destination not in alerts.REGISTRY:
        raise PermanentProviderError(
            f"There is no alert service “{row.destination}”.", provider=row.destination
        )
    account = row.escalation.account
    target = alerting.target_of(account.pk, row.destination)
    adapter = alerting.adapter_of(account, target, row.destination)
    others: list[Alert] = []
    if target is not None and adapter.sums_up_s:
        if row.escalation.acknowledged_at is not None:
            return None
        if wait_s := alerting.hold_off_s(target, adapter.sums_up_s):
            raise TemporaryProviderError(
                "Others were told just now.", provider=adapter.key, retry_after=wait_s
            )
        others = _others(row)
    with speaking(adapter.account.spoken):
        alert = _compose(row, others)
    return Telling(adapter, target, alert, tuple(each.pk for each in others))


def settle_others(telling: Telling) -> None:
    """The alerts that a summary stood for are told."""
    state = Alert.State
    rows = Alert.objects.filter(
        pk__in=telling.others, state__in=[state.WAITING, state.RUNNING]
    )
    rows.update(state=state.DONE, worker=None, error="")


def _others(row: Alert) -> list[Alert]:
    """The account's alerts that wait for the same service, and that nobody has taken."""
    rows = Alert.objects.filter(
        account_id=row.account_id,
        destination=row.destination,
        state__in=[Alert.State.WAITING, Alert.State.RUNNING],
        escalation__acknowledged_at=None,
    )
    waiting = rows.exclude(pk=row.pk).order_by("pk")
    return list(
        waiting.select_related("escalation__conversation__contact")[:MOST_OTHERS]
    )


def _compose(row: Alert, others: list[Alert]) -> alerts.Alert:
    escalation = row.escalation
    conversation = escalation.conversation
    said = conversation.messages.filter(author=Message.Author.CONTACT)
    last = said.order_by("-pk").first() or escalation.question
    channel = adapter_of(conversation.channel)
    return alerts.Alert(
        reference=row.uuid,
        reason=str(escalation.get_reason_display()),
        customer=_customer(escalation),
        text=truncate(last.text, LONGEST_WORDS),
        at=escalation.opened_at or escalation.created_at,
        problem=_problem(row),
        url=drafts.desk_url(escalation),
        take_url=_address("take-escalation", escalation.uuid),
        provider_url=channel.thread_url(conversation.address),
        provider=channel.label,
        others=tuple(
            alerts.Waiting(
                _customer(each.escalation), str(each.escalation.get_reason_display())
            )
            for each in others
        ),
        list_url=f"{_address('desk')}?filter=needs_person" if _address("desk") else "",
    )


def _customer(escalation: Escalation) -> str:
    """As whom staff know the customer: by name, else by address, else by number."""
    contact = escalation.conversation.contact
    return escalation.name or contact.name or contact.email or contact.label


def _problem(row: Alert) -> str:
    """What went wrong on the way here: with the ticket, or with who was told before."""
    ticket = Ticket.objects.filter(escalation_id=row.escalation_id).first()
    if ticket is not None and ticket.error:
        return ticket.error
    earlier = Alert.objects.filter(
        escalation_id=row.escalation_id, rung__lt=row.rung, state=Alert.State.FAILED
    )
    failed = earlier.order_by("-rung").first()
    return failed.error if failed is not None else ""


def _address(name: str, *args: object) -> str:
    return (
        f"{settings.PUBLIC_URL}{reverse(name, args=args)}"
        if settings.PUBLIC_URL
        else ""
    )
