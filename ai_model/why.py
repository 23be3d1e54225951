"""Why a message was, or was not, answered: all that is known of it, in plain words."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from accounts.services import as_uuid
from ai_model.metering import LIMIT_REACHED
from ai_model.models import Prompt, Turn
from conversations.models import Conversation, Message
from core.text import in_hundredths
from knowledge.models import Entry

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

#: What the reasons of messages, turns and conversations mean.
REASONS = {
    "answered": "the knowledge answered it with enough confidence",
    "low_confidence": "no answer was sure enough, so a person was offered",
    "no_results": "nothing in the knowledge fits, so a person was offered",
    "not_in_knowledge": "the model found no answer in the entries it was given",
    "asked_for_person": "the customer asked for a person",
    "outside_hours": "it came outside business hours",
    "auto_response_off": "the assistant is set not to answer by itself",
    "manual_by_default": "people reply on the account's new conversations",
    "no_provider": "no provider of the account has a key",
    "provider_failing": "every provider of the account is known to be failing",
    "switched": "it was switched to people",
    "small_talk": "it was small talk",
    "empty": "it had no text",
    "attachment": "it was an attachment, which the assistant could not make out",
    "conversation_gone": "the provider does not have the conversation any more",
    "declined": "the customer did not want the person who was offered",
    "timeout": "no answer came within the time budget",
    "provider_error": "no provider could answer",
    "budget": "the spending limit was reached, so no model was asked",
    "provider_blocked": "the provider refused to write an answer",
    "provider_empty": "the provider wrote an empty answer",
    "error": "answering broke, several times",
    "person_acted": "a person acted first, so the assistant stayed silent",
    "person_replied": "a person replied",
    "deleted": "the customer took it back",
    "window_closed": "the provider lets only people reply so late",
    "person_handed_back": "a person gave the conversation back to the assistant",
    "taken_over": "a person took the conversation over",
    "handed_back": "a person gave the conversation back to the assistant",
    "asked_again": "the question was given to the assistant once more",
    "closed_by_person": "a person closed the conversation",
    "inactive": "nobody wrote for days, so the conversation was closed",
    "human_mode": "the channel was in human mode",
    "human_mode_off": "the channel's human mode was switched off",
    "disconnected": "its channel was disconnected",
    "reopened": "the customer wrote again after it was closed",
    "reconciled": "it was found waiting where the assistant does not reply",
    "more_words": "the customer wrote more, so it was answered together with that",
    "lost_claim": "another worker held the conversation",
    "unsupported": "the model could not show that its answer stands in the entries",
    "wrong_language": "the model answered in another language than the customer's",
    "worker_died": "the worker that was answering it died",
    "stopped": "the service was stopped while answering",
}

_STATES = {
    Message.State.WAITING: "It waits for the assistant",
    Message.State.ANSWERED: "It was answered",
    Message.State.HANDED_OVER: "It was handed over to a person",
    Message.State.IGNORED: "It was not answered",
    Message.State.FAILED: "It failed",
    Message.State.SENDING: "It is on its way to the customer",
    Message.State.SENT: "It was sent",
    Message.State.WITHHELD: "It was written but not sent",
}

#: What became of an attachment.
_LOOKS = {
    "read": "put into words",
    "no_reader": "not looked at, as no model of the account can be given that",
    "too_many": "not looked at, as too many came at once",
    "too_large": "not looked at, as it is too large",
    "not_fetched": "not looked at, as it could not be fetched",
    "other_type": "not looked at, as it is no type that a model can be given",
    "not_made_out": "nothing was made out in it",
}

#: Steps of a turn as they follow each other.
_STEPS = ("wait", "read", "retrieve", "complete", "commit", "total")


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that a turn retrieved."""

    entry_id: str
    #: Empty: the entry is gone.
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class TurnFacts:
    """One attempt to answer."""

    turn: str
    state: str
    reason: str
    attempt: int
    query: str
    retrieved: tuple[Found, ...]
    #: What was done with each attachment: `kind`, `outcome`, `by`.
    attachments: tuple[dict[str, str], ...]
    confidence: float | None
    threshold: float | None
    prompt_versions: dict[str, int]
    provider: str
    model: str
    #: Providers that failed before, as (key, error code).
    failures: tuple[tuple[str, str], ...]
    tokens_in: int
    tokens_out: int
    #: In US dollars; None where the price is not known.
    cost: float | None
    #: Milliseconds per step.
    timings: dict[str, int]
    finished_at: dt.datetime | None
    #: Id of the message it brought forth.
    reply: str | None


@dataclass(frozen=True, slots=True)
class DeliveryFacts:
    """One part of a reply on its way to the provider."""

    kind: str
    part: int
    state: str
    attempts: int
    error: str
    external_id: str
    sent_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of what became of a message."""

    message: str
    author: str
    state: str
    reason: str
    created_at: dt.datetime
    conversation: str
    conversation_status: str
    conversation_reason: str
    #: User names of the people who act, or acted, here.
    people: tuple[str, ...]
    turns: tuple[TurnFacts, ...]
    deliveries: tuple[DeliveryFacts, ...]
    #: The same in sentences, most important first.
    lines: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The explanation as plain values, for JSON."""
        return dataclasses.asdict(self)


def explain(message: Message) -> Explanation:
    """What became of a contact's message, or how a reply came about."""
    turns = _turns(message)
    conversation = message.conversation
    facts = Explanation(
        message=str(message.uuid),
        author=message.author,
        state=message.state,
        reason=message.reason,
        created_at=message.created_at,
        conversation=str(conversation.uuid),
        conversation_status=conversation.status,
        conversation_reason=conversation.status_reason,
        people=_people(message),
        turns=_turn_facts(turns),
        deliveries=_deliveries(message, turns),
    )
    return dataclasses.replace(facts, lines=tuple(_lines(facts)))


def explain_turn(turn: Turn) -> list[str]:
    """One turn in sentences."""
    return _turn_lines(_turn_facts([turn])[0])


def measures(question: Message) -> dict[str, Any]:
    """All that was measured when a question was last dealt with, for developers."""
    turns = _turns(question)[-1:]
    if not turns:
        return {}
    (facts,) = _turn_facts(turns)
    found = dataclasses.asdict(facts)
    found["candidates"] = found.pop("retrieved")
    # What only a test agent's turn keeps: `searched`, `judgement`, `withheld`.
    found.update((turns[0].retrieved or [{}])[0].get("details", {}))
    return found


def reason_text(reason: str) -> str:
    """A reason in plain words; an unknown one as it is."""
    return REASONS.get(reason, reason.replace("_", " "))


def _turns(message: Message) -> list[Turn]:
    """The turns that dealt with a contact's message, or that led to a reply."""
    rows = Turn.objects.filter(conversation_id=message.conversation_id)
    if message.author == Message.Author.CONTACT:
        first = last = message.pk
    else:
        made = rows.filter(reply=message).first()
        if made is None:
            return []
        first, last = made.first_message_id, made.last_message_id
    rows = rows.filter(first_message_id__lte=last, last_message_id__gte=first)
    return list(rows.select_related("reply").order_by("pk"))


def _people(message: Message) -> tuple[str, ...]:
    conversation = message.conversation
    names = [
        user.get_username()
        for user in (message.user, conversation.assigned_to)
        if user is not None
    ]
    names += (
        conversation.messages.filter(
            author=Message.Author.SUPPORT, user__isnull=False, pk__gt=message.pk
        )
        .order_by("pk")
        .values_list("user__username", flat=True)[:20]
    )
    return tuple(dict.fromkeys(names))


def _turn_facts(turns: list[Turn]) -> tuple[TurnFacts, ...]:
    titles = _titles(turns)
    return tuple(
        TurnFacts(
            turn=str(turn.uuid),
            state=turn.state,
            reason=turn.reason,
            attempt=turn.attempt,
            query=turn.query,
            retrieved=tuple(
                Found(
                    each["entry_id"],
                    titles.get((turn.account_id, each["entry_id"]), ""),
                    each["score"],
                )
                for each in turn.retrieved
            ),
            attachments=tuple(turn.attachments),
            confidence=turn.confidence,
            threshold=turn.threshold,
            prompt_versions=_in_order(turn.prompt_versions, Prompt.Kind.values),
            provider=turn.provider,
            model=turn.model,
            failures=tuple((key, code) for key, code in turn.failures),
            tokens_in=turn.tokens_in,
            tokens_out=turn.tokens_out,
            cost=None if turn.cost is None else float(turn.cost),
            timings=_in_order(turn.timings, _STEPS),
            finished_at=turn.finished_at,
            reply=str(turn.reply.uuid) if turn.reply else None,
        )
        for turn in turns
    )


def _in_order(values: dict[str, int], names: Sequence[str]) -> dict[str, int]:
    """The values by name in this order, which PostgreSQL does not keep; others last."""
    known = {name: values[name] for name in names if name in values}
    return known | values


def _titles(turns: list[Turn]) -> dict[tuple[int, str], str]:
    """Titles of the entries that turns retrieved, by account and public id."""
    names = {each["entry_id"] for turn in turns for each in turn.retrieved}
    keys = [key for name in names if (key := as_uuid(name)) is not None]
    rows = Entry.objects.filter(
        Q(external_id__in=names - {""}) | Q(uuid__in=keys, external_id=""),
        account_id__in={turn.account_id for turn in turns},
    ).only("account_id", "external_id", "uuid", "title")
    return {(row.account_id, row.public_id): row.title for row in rows}


def _deliveries(message: Message, turns: list[Turn]) -> tuple[DeliveryFacts, ...]:
    keys = {turn.reply_id for turn in turns if turn.reply_id} | {message.pk}
    rows = message.conversation.deliveries.filter(message_id__in=keys).order_by("pk")
    return tuple(
        DeliveryFacts(
            kind=row.kind,
            part=row.part,
            state=row.state,
            attempts=row.attempts,
            error=row.error,
            external_id=row.external_id,
            sent_at=row.sent_at,
        )
        for row in rows
    )


def _lines(facts: Explanation) -> Iterable[str]:
    state = _STATES.get(Message.State(facts.state), facts.state)
    because = f": {reason_text(facts.reason)}" if facts.reason else ""
    yield f"{Message.Author(facts.author).label} wrote this on {_time(facts.created_at)}."
    yield f"{state}{because}."
    status = Conversation.Status(facts.conversation_status)
    because = ""
    if facts.conversation_reason:
        because = f", because {reason_text(facts.conversation_reason)}"
    yield f"Who replies in the conversation now: {status.label}{because}."
    if facts.people:
        yield f"People who acted: {', '.join(facts.people)}."
    if not facts.turns and facts.author == Message.Author.CONTACT:
        yield "The assistant has not tried to answer it."
    for turn in facts.turns:
        yield from _turn_lines(turn)
    for part in facts.deliveries:
        yield _delivery_line(part)


def _turn_lines(turn: TurnFacts) -> list[str]:
    label = Turn.State(turn.state).label
    lines = [f"Attempt {turn.attempt}: {label}, {reason_text(turn.reason)}."]
    lines += [_attachment_line(**each) for each in turn.attachments]
    if turn.query:
        lines.append(f"Searched for: {turn.query}")
    for number, found in enumerate(turn.retrieved, start=1):
        title = found.title or "(no longer there)"
        lines.append(
            f"Found {number}: {title} [{found.entry_id}], score {found.score:g}"
        )
    if turn.confidence is not None and turn.threshold is not None:
        verdict = "enough" if turn.confidence >= turn.threshold else "too little"
        sure = in_hundredths(turn.confidence) / 100
        lines.append(
            f"Confidence {sure:.2f} against a threshold of"
            f" {turn.threshold:.2f}: {verdict}."
        )
    lines += [_failure_line(*each) for each in turn.failures]
    if turn.provider:
        price = "price not known" if turn.cost is None else f"${turn.cost:.6f}"
        if turn.provider == "local":
            price = "free"
        lines.append(
            f"Written by {turn.provider} ({turn.model or 'no model'}):"
            f" {turn.tokens_in} tokens in, {turn.tokens_out} out, {price}."
        )
    if turn.provider and turn.prompt_versions:
        used = ", ".join(f"{kind} {no}" for kind, no in turn.prompt_versions.items())
        lines.append(f"Prompt versions: {used}.")
    if turn.timings:
        steps = ", ".join(f"{name} {ms} ms" for name, ms in turn.timings.items())
        lines.append(f"Time: {steps}.")
    if turn.reply:
        lines.append(f"Replied with message {turn.reply}.")
    return lines


def _attachment_line(kind: str, outcome: str, by: str) -> str:
    means = _LOOKS.get(outcome, outcome.replace("_", " "))
    return f"Attachment ({kind}): {means}{f' by {by}' if by else ''}."


def _failure_line(provider: str, code: str) -> str:
    if code == LIMIT_REACHED:
        return f"Provider {provider} was not asked: the spending limit was reached."
    return f"Provider {provider} failed before: {code}."


def _delivery_line(part: DeliveryFacts) -> str:
    line = f"Delivery of part {part.part + 1}: {part.state}, {part.attempts} attempts"
    if part.sent_at:
        line += f", on {_time(part.sent_at)}"
    return f"{line}; {part.error}." if part.error else f"{line}."


def _time(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
