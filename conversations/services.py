"""What people do in conversations: hand off, hand back, reply, close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from conversations import live
from conversations.models import Conversation, Delivery, Message
from conversations.replies import handoff_news
from conversations.signals import (
    conversation_changed_hands,
    person_replied,
    questions_asked_again,
)
from core import store, work
from core.exceptions import Conflict, InvalidPayload
from core.text import clean_text, truncate
from integrations.facts import adapter_of, cache
from integrations.models import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts.models import User

#: Longest reply that a person may write.
MAX_REPLY = 10_000


@transaction.atomic
def hand_off(
    *, conversation: Conversation, reason: str, user: User | None = None
) -> Conversation:
    """Give the right to speak to people; from now on the assistant says nothing more.

    With `user`, that person has taken over. A conversation that people have already
    only changes its person.
    """
    row = _lock(conversation)
    if row.status != Conversation.Status.SUPPORT_ACTIVE:
        row.give_to_support(reason, user)
        _tell_provider(row, Delivery.Kind.HAND_OFF, note=reason)
        return _finish(row)
    if user is not None and row.assigned_to_id != user.pk:
        row.assigned_to = user
        row.needs_person = False
        return _finish(row)
    return row


@transaction.atomic
def keep_reason(*, conversation: Conversation, reason: str) -> Conversation:
    """Say anew why people reply on a conversation that they have already."""
    row = _lock(conversation)
    row.status_reason = reason
    row.seq = live.next_seq(row.account_id)
    row.save(update_fields=["status_reason", "seq"])
    live.announce([row])
    return row


@transaction.atomic
def hand_back(*, conversation: Conversation, reason: str) -> Conversation:
    """Give the right to speak back to the assistant."""
    row = _lock(conversation)
    if row.status == Conversation.Status.ACTIVE:
        return row
    row.give_to_assistant(reason)
    _tell_provider(row, Delivery.Kind.HAND_BACK, note=reason)
    return _finish(row)


@transaction.atomic
def close(*, conversation: Conversation, reason: str) -> Conversation:
    """End a conversation until the contact writes again."""
    row = _lock(conversation)
    if row.status == Conversation.Status.CLOSED:
        return row
    row.close(reason)
    return _finish(row)


@transaction.atomic
def reply(*, conversation: Conversation, user: User | None, text: str) -> Message:
    """Send a person's words; whoever writes takes over.

    `user` is None for the demo's agent console, where nobody signs in. Raises
    `InvalidPayload` for an empty or too long text.
    """
    text = clean_text(text).strip()
    if not text or len(text) > MAX_REPLY:
        raise InvalidPayload(
            gettext("A reply has 1 to %(most)d characters.") % {"most": MAX_REPLY}
        )
    row = _lock(conversation)
    if row.status != Conversation.Status.SUPPORT_ACTIVE:
        row.give_to_support("person_replied", user)
        _tell_provider(row, Delivery.Kind.HAND_OFF, note="person_replied")
    else:
        row.withhold_words("person_replied")
        row.assigned_to = row.assigned_to or user
    row.needs_person = False
    message = say(row, text, author=Message.Author.SUPPORT, user=user)
    _finish(row, message)
    person_replied.send(sender=Message, message=message)
    return message


@transaction.atomic
def send_as_template(*, message: Message, user: User | None) -> Message:
    """Say a person's words that came too late in the template that the owner chose.

    What the template repeats of them is withheld; else they wait for the customer to
    write. Raises `Conflict` where there is nothing of the kind, and `InvalidPayload`
    for what is too long.
    """
    row = _lock(message.conversation)
    message.refresh_from_db()
    late = message.deliveries.filter(
        kind=Delivery.Kind.TEXT, state=Delivery.State.FAILED
    )
    parts = late.order_by("part").values_list("text", flat=True)
    words = " ".join(" ".join(parts).split())
    adapter, name = adapter_of(row.channel), row.contact.name
    text = adapter.template_text(words, name) if words else ""
    if not text or message.author != Message.Author.SUPPORT:
        raise Conflict(gettext("Only a reply that came too late leaves as a template."))
    if words in text:
        late.update(state=Delivery.State.WITHHELD)
        message.state, message.reason = Message.State.WITHHELD, "as_template"
        message.save(update_fields=["state", "reason"])
    if row.status != Conversation.Status.SUPPORT_ACTIVE:
        row.give_to_support("person_replied", user)
        _tell_provider(row, Delivery.Kind.HAND_OFF, note="person_replied")
    sent = _write(row, text, author=message.author, user=user)
    _put_on_its_way(row, sent, [words], kind=Delivery.Kind.TEMPLATE)
    row.needs_person = False
    _finish(row, sent)
    return sent


@transaction.atomic
def leave_note(*, conversation: Conversation, text: str) -> Delivery | None:
    """Tell staff something in the provider's own app; None where it keeps no notes."""
    row = _lock(conversation)
    if not row.channel.adapter.has_notes:
        return None
    transaction.on_commit(lambda: work.wake("deliver"))
    return Delivery.objects.create(
        account_id=row.account_id,
        conversation=row,
        kind=Delivery.Kind.NOTE,
        text=clean_text(text)[:MAX_REPLY],
        due_at=timezone.now(),
    )


@transaction.atomic
def ask_again(*, message: Message) -> Conversation:
    """Have the assistant try once more what failed or was handed over.

    All that the contact has asked from there on and nobody answered is asked together,
    as one turn. Raises `Conflict` where a person has the word, or there is an answer.
    """
    row = _lock(message.conversation)
    since = row.messages.filter(pk__gte=message.pk)
    asked = since.filter(author=Message.Author.CONTACT)
    unanswered = asked.filter(state__in=_UNANSWERED)
    if not unanswered.filter(pk=message.pk).exists():
        raise Conflict(gettext("Only what failed or was handed over is asked again."))
    if since.filter(author=Message.Author.SUPPORT).exists():
        raise Conflict(gettext("A person has replied since."))
    if row.assigned_to_id is not None:
        raise Conflict(gettext("A person has taken it over; hand it back first."))
    if row.worker is not None or asked.exclude(state__in=_UNANSWERED).exists():
        raise Conflict(gettext("The customer has been answered since, or is just now."))
    keys = list(unanswered.values_list("pk", flat=True))
    was_ours = row.status == Conversation.Status.ACTIVE
    # Also where the assistant has the word: what it offered does not stand any more.
    # No person gave it back, so what was said before still counts.
    episode = min(row.episode_after, message.pk - 1)
    row.give_to_assistant("asked_again")
    row.episode_after = episode
    Message.objects.filter(pk__in=keys).update(state=Message.State.WAITING, reason="")
    row.due_at = row.waiting_since = timezone.now()
    if not was_ours:
        _tell_provider(row, Delivery.Kind.HAND_BACK, note="asked_again")
    questions_asked_again.send(sender=Conversation, conversation=row, messages=keys)
    transaction.on_commit(lambda: work.wake("turns"))
    return _finish(row)


#: States of a contact's words to which nobody has given an answer.
_UNANSWERED = (Message.State.FAILED, Message.State.HANDED_OVER)


def set_human_mode(*, channel: Channel, is_on: bool) -> Channel:
    """Let people, or the assistant again, reply to everything on a channel.

    New conversations begin as it says from its first step on; those that run follow
    one by one, each in a transaction of its own. Doing it again finishes what broke off.
    """
    # Waits for conversations that are being stored, and they for it: `intake`.
    channel = Channel.objects.get(pk=channel.pk)
    channel.human_mode = is_on
    channel.save(update_fields=["human_mode"])
    transaction.on_commit(cache.clear)
    conversations = Conversation.objects.filter(channel=channel).order_by("id")
    if is_on:
        for each in conversations.filter(status=Conversation.Status.ACTIVE):
            hand_off(conversation=each, reason="human_mode")
    else:
        for each in conversations.filter(
            status=Conversation.Status.SUPPORT_ACTIVE, status_reason="human_mode"
        ):
            hand_back(conversation=each, reason="human_mode_off")
    return Channel.objects.get(pk=channel.pk)


def mark_read(*, conversation: Conversation) -> None:
    """Somebody has seen all that was said so far; that takes care of nothing yet."""
    Conversation.objects.filter(pk=conversation.pk, unread__gt=0).update(unread=0)


@transaction.atomic
def retry_delivery(*, delivery: Delivery) -> Delivery:
    """Send a part that failed once more; raises `Conflict` unless it has failed."""
    updated = Delivery.objects.filter(
        pk=delivery.pk, state=Delivery.State.FAILED
    ).update(state=Delivery.State.WAITING, attempts=0, due_at=timezone.now(), error="")
    if not updated:
        raise Conflict(gettext("Only a delivery that has failed can be sent again."))
    Message.objects.filter(deliveries=delivery).update(state=Message.State.SENDING)
    transaction.on_commit(lambda: work.wake("deliver"))
    delivery.refresh_from_db()
    return delivery


def _lock(conversation: Conversation) -> Conversation:
    rows = Conversation.objects.select_related("channel__account").filter(
        pk=conversation.pk
    )
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    return rows.get()


def say(
    row: Conversation,
    text: str,
    *,
    author: Message.Author,
    user: User | None = None,
    epoch: int | None = None,
    reason: str = "",
) -> Message:
    """Store words and their way to the contact; the caller locks and saves the row."""
    message = _write(row, text, author=author, user=user, reason=reason)
    if not row.channel.adapter.is_pulled:
        parts = adapter_of(row.channel).split(text, row.address)
        _put_on_its_way(row, message, parts, epoch=epoch)
    return message


def _write(row: Conversation, text: str, **how: Any) -> Message:
    """Store words; the caller saves the row."""
    is_pulled = row.channel.adapter.is_pulled
    message = Message.objects.create(
        account_id=row.account_id,
        conversation=row,
        text=text,
        state=Message.State.SENT if is_pulled else Message.State.SENDING,
        **how,
    )
    row.last_text = truncate(text, 200)
    row.last_message_at = message.created_at
    return message


def _put_on_its_way(
    row: Conversation, message: Message, parts: Sequence[str], **how: Any
) -> None:
    """Have the parts of a message sent."""
    Delivery.objects.bulk_create(
        Delivery(
            account_id=row.account_id,
            conversation=row,
            message=message,
            part=part,
            text=text,
            due_at=message.created_at,
            **how,
        )
        for part, text in enumerate(parts)
    )
    transaction.on_commit(lambda: work.wake("deliver"))


def _tell_provider(row: Conversation, kind: Delivery.Kind, *, note: str) -> None:
    if row.channel.adapter.announces_handoff:
        handoff_news(row, kind, note, timezone.now()).save()
        transaction.on_commit(lambda: work.wake("deliver"))


def _finish(row: Conversation, message: Message | None = None) -> Conversation:
    """Number, save and announce the change."""
    row.seq = live.next_seq(row.account_id)
    row.save(
        update_fields=[
            *Conversation.TURNOVER_FIELDS, "last_text", "last_message_at", "seq",
        ]
    )  # fmt: skip
    if message is not None:
        message.seq = row.seq
        message.save(update_fields=["seq"])
    conversation_changed_hands.send(sender=Conversation, conversation=row)
    live.announce([row])
    return row
