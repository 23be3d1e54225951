"""Record a failure that a CRM reports: find the question that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext

from conversations import finding, intake, live
from conversations.models import Conversation, Message
from core import store
from core.exceptions import Conflict
from escalation.models import Escalation
from escalation.reasons import Reason, reason_of
from integrations.adapters.inbound import InboundMessage
from integrations.facts import facts_of

if TYPE_CHECKING:
    from conversations.identity import Person
    from conversations.sessions import Session
    from integrations.models import Channel


class AlreadyRated(Conflict):
    """The contact has rated the reply: it is not escalated."""

    code = "already_rated"


@dataclass(frozen=True, slots=True)
class Failure:
    """What a CRM says of a reply that did not help."""

    session: Session
    agent_type: str
    #: What was asked, and what was shown; empty: nothing was.
    query: str
    response: str
    reason: Reason
    confidence: float
    # The person.
    person: Person
    name: str
    email: str
    agency: str
    office: str


@transaction.atomic
def record(*, channel: Channel, failure: Failure) -> Escalation:
    """The escalation of the question that is meant, opened where there is none yet.

    A question that never reached us is stored with it: what a client could not ask is
    not lost. Raises `AlreadyRated` when the reply was rated.
    """
    question, reply = _meant(channel, failure)
    known = Escalation.objects.filter(question=question).first()
    if known is not None:
        return _complete(known, failure)
    if hasattr(reply, "feedback"):
        raise AlreadyRated(gettext("This reply was rated; it cannot be escalated."))
    return _open(question, reply, failure)


def lock(key: int) -> Conversation:
    """The conversation, so that nobody else changes its escalations meanwhile."""
    rows = Conversation.objects.filter(pk=key)
    return (rows.select_for_update() if store.is_postgresql() else rows).get()


def _meant(channel: Channel, failure: Failure) -> tuple[Message, Message | None]:
    """The question and the reply to it; the conversation is locked."""
    inbound = _inbound(failure)
    conversation = intake.hold(facts_of(channel), inbound)
    alike = finding.replies_like(conversation, failure.response)
    if exact := finding.answering(alike, failure.query):
        return _asked(exact[0]), exact[0]
    question = finding.question_meant(conversation, failure.query)
    if question is not None:
        return _with_reply(question)
    if alike:
        return _asked(alike[0]), alike[0]
    reason = failure.reason
    return intake.store_unanswered(conversation, inbound, reason=reason), None


def _asked(reply: Message) -> Message:
    return Message.objects.get(pk=reply.answers_up_to or 0)


def _with_reply(question: Message) -> tuple[Message, Message | None]:
    """Several messages that were answered at once are one question, the last."""
    replies = finding.replies_of(question.conversation).select_related("feedback")
    later = replies.filter(answers_up_to__gte=question.pk, pk__gt=question.pk)
    reply = later.order_by("pk").first()
    return (question, None) if reply is None else (_asked(reply), reply)


def _inbound(failure: Failure) -> InboundMessage:
    """The question as the chat endpoint would have got it."""
    return InboundMessage(
        conversation_id=failure.session.thread,
        contact_id=failure.person.external_id,
        external_id="",
        text=failure.query,
        contact_name=failure.name,
        contact_email=failure.email,
        profile={"agency": failure.agency, "office": failure.office},
        address={"agent_type": failure.agent_type, "session_id": failure.session.id},
    )


def _open(question: Message, reply: Message | None, failure: Failure) -> Escalation:
    confidence = reply.confidence if reply is not None else None
    row = Escalation(
        account_id=question.account_id,
        conversation_id=question.conversation_id,
        question=question,
        reply=reply,
        reason=reason_of(question.reason) or failure.reason,
        state=Escalation.State.OFFERED,
        confidence=failure.confidence if confidence is None else confidence,
        agent_type=failure.agent_type,
    )
    _complete(row, failure)
    live.mark_changed(question.conversation)
    return row


def _complete(row: Escalation, failure: Failure) -> Escalation:
    """Keep who it was about, from whoever tells it first."""
    if row.agent_id:
        return row
    row.shown = failure.response
    row.agent_id = failure.person.agent_id
    row.name = failure.name
    row.email = failure.email
    row.agency = failure.agency
    row.office = failure.office
    row.save()
    return row
