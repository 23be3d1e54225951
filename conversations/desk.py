"""What the live desk reads: its list, what changed in it, and one thread."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, User
from conversations import learning
from conversations.models import Conversation, Delivery, Message
from core.exceptions import InvalidPayload
from integrations.facts import adapter_of
from knowledge.models import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.contrib.auth.models import AnonymousUser

    from knowledge.models import Example

#: Conversations and messages that are read at once.
ROWS = 40
CHANGES = 100
MESSAGES = 100
#: Accounts whose changes a browser follows by number; with more it re-reads the list.
MOST_CURSORS = 100


class Filter(models.TextChoices):
    """The tabs above the list."""

    ALL = "all", _("All")
    NEEDS_PERSON = "needs_person", _("Needs a person")
    ASSISTANT = "active", _("Assistant")
    SUPPORT = "support_active", _("Support")
    CLOSED = "closed", _("Closed")

    @property
    def condition(self) -> Q:
        """What the database is asked."""
        if self is Filter.ALL:
            return Q()
        if self is Filter.NEEDS_PERSON:
            return Q(needs_person=True)
        return Q(status=self.value)

    def lists(self, row: Conversation) -> bool:
        """Whether a row that is at hand belongs into the list."""
        if self is Filter.NEEDS_PERSON:
            return row.needs_person
        return self is Filter.ALL or row.status == self.value


def filter_of(name: str) -> Filter:
    """The tab of this name; the first one for a name that is none."""
    return Filter(name) if name in Filter.values else Filter.ALL


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list."""

    rows: Sequence[Conversation]
    #: Names the last row, for the page after it; empty: there is none.
    next: str


def page(user: User | AnonymousUser, tab: Filter, before: str = "") -> Page:
    """The newest conversations, or those older than the one that `before` names."""
    rows = _visible(user).filter(tab.condition, last_message_at__isnull=False)
    if before:
        rows = rows.filter(_older_than(rows, before))
    found = list(rows.order_by("-last_message_at", "-id")[: ROWS + 1])
    more = found[ROWS - 1] if len(found) > ROWS else None
    return Page(found[:ROWS], _name(more) if more else "")


def cursors(user: User | AnonymousUser) -> dict[str, int] | None:
    """How new the news of each account is; None when they are too many to follow."""
    rows = Account.objects.for_user(user).values_list("uuid", "event_seq")
    found = {str(name): seq for name, seq in rows[: MOST_CURSORS + 1]}
    return found if len(found) <= MOST_CURSORS else None


def changes(user: User | AnonymousUser, after: Mapping[str, int]) -> list[Conversation]:
    """Conversations that changed since these numbers, at most `CHANGES` of them.

    In the order of their accounts and numbers, so that the last of each account is
    where the next call goes on.
    """
    if not after:
        return []
    known = Account.objects.for_user(user).filter(uuid__in=after)
    newer = Q(pk__in=[])
    for key, name in known.values_list("pk", "uuid"):
        newer |= Q(account_id=key, seq__gt=after[str(name)])
    rows = _visible(user).filter(newer, last_message_at__isnull=False)
    return list(rows.order_by("account_id", "seq")[:CHANGES])


def parse_cursors(values: Iterable[str]) -> dict[str, int]:
    """`<account>:<number>` of each account; raises `InvalidPayload`."""
    found: dict[str, int] = {}
    for value in values:
        name, _colon, number = value.partition(":")
        if not number.isdecimal() or len(number) > 18:
            raise InvalidPayload("`after` must be <account>:<number>.")
        found[str(_uuid(name))] = int(number)
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """A message with all that the desk shows of it."""

    message: Message
    #: Below it an answer is not given; None where nothing was judged.
    threshold: float | None
    #: As stored, each with the `url` of its entry where the reader may open it.
    sources: Sequence[Mapping[str, Any]]
    #: Deliveries that failed, or that may or may not have arrived.
    problems: Sequence[Delivery] = field(default_factory=list)
    #: On a person's reply: what was asked, and what was learned from it.
    question: str = ""
    lesson: Example | None = None
    #: Titles of entries that may answer it.
    suggestions: Sequence[str] = ()

    @property
    def is_sure(self) -> bool:
        """Whether the answer reached the threshold."""
        confidence, threshold = self.message.confidence, self.threshold
        return confidence is None or threshold is None or confidence >= threshold

    @property
    def is_undelivered(self) -> bool:
        """Whether it is a person's reply that the provider refused."""
        kinds = {each.kind for each in self.problems if each.state == "failed"}
        is_persons = self.message.author == Message.Author.SUPPORT
        return is_persons and Delivery.Kind.TEXT in kinds


@dataclass(frozen=True, slots=True)
class Thread:
    """The newest messages of a conversation, or those before one of them."""

    conversation: Conversation
    #: Oldest first.
    said: Sequence[Said]
    #: Names the oldest message that was read; empty: there are no older ones.
    older: str
    #: The provider delivers no reply any more, but perhaps a template.
    is_late: bool = False
    has_template: bool = False


def find(user: User | AnonymousUser, name: uuid.UUID) -> Conversation | None:
    """The conversation of this name, if the person may see it."""
    rows = _visible(user).select_related("assigned_to")
    found: Conversation | None = rows.filter(uuid=name).first()
    return found


def thread(user: User, conversation: Conversation, before: str = "") -> Thread:
    """Read a conversation."""
    rows = conversation.messages.select_related("user", "turn", "feedback")
    if before:
        oldest = conversation.messages.filter(uuid=_uuid(before)).first()
        rows = rows.filter(pk__lt=oldest.pk if oldest else 0)
    found = list(rows.order_by("-id")[: MESSAGES + 1])
    messages = found[:MESSAGES][::-1]
    links = _entry_links(user, conversation, messages)
    problems = _problems(messages)
    learned = learning.lessons(conversation, messages)
    said = [_said(each, links, problems.get(each.pk, [])) for each in messages]
    adapter = adapter_of(conversation.channel)
    is_late = adapter.is_late(conversation.address)
    return Thread(
        conversation,
        [_teaching(conversation, each, messages, learned) for each in said],
        str(messages[0].uuid) if len(found) > MESSAGES else "",
        is_late=is_late,
        has_template=is_late and bool(adapter.template_text("", "")),
    )


def _teaching(
    conversation: Conversation,
    said: Said,
    messages: Sequence[Message],
    learned: Mapping[str, Example],
) -> Said:
    """A person's reply with what can be, or was, learned from it."""
    reply = said.message
    if reply.author != Message.Author.SUPPORT:
        return said
    offered = [each for each in messages if each.pk < reply.pk and each.sources]
    titles = [str(each.get("title")) for each in offered[-1].sources] if offered else []
    question = learning.question_of(reply, messages)
    return replace(
        said,
        question=learning.without_personal(conversation.contact, question),
        lesson=learned.get(str(reply.uuid)),
        suggestions=titles,
    )


def _said(message: Message, links: Mapping[str, str], problems: list[Delivery]) -> Said:
    turn = getattr(message, "turn", None)
    sources = [
        {**each, "url": links.get(str(each.get("entry_id")), "")}
        for each in message.sources
    ]
    return Said(message, turn.threshold if turn else None, sources, problems)


def _problems(messages: Sequence[Message]) -> dict[int, list[Delivery]]:
    rows = Delivery.objects.filter(
        message_id__in=[each.pk for each in messages],
        state__in=[Delivery.State.FAILED, Delivery.State.UNCERTAIN],
    )
    found: dict[int, list[Delivery]] = {}
    for row in rows.order_by("id"):
        if row.message_id is not None:
            found.setdefault(row.message_id, []).append(row)
    return found


def _entry_links(
    user: User, conversation: Conversation, messages: Sequence[Message]
) -> dict[str, str]:
    """Addresses of entries in the administration, by their public id."""
    ids = {str(each.get("entry_id")) for said in messages for each in said.sources}
    if not ids or not user.is_staff or not user.has_perm("knowledge.view_entry"):
        return {}
    uuids = [each for each in ids if _is_uuid(each)]
    rows = Entry.objects.filter(account_id=conversation.account_id).filter(
        Q(external_id__in=ids) | Q(uuid__in=uuids)
    )
    return {
        row.public_id: reverse("admin:knowledge_entry_change", args=[row.pk])
        for row in rows.only("pk", "uuid", "external_id")
    }


def _visible(user: User | AnonymousUser) -> models.QuerySet[Conversation]:
    accounts = Account.objects.for_user(user)[:2]
    if len(accounts) == 1:
        # Most people work for one account: its index gives the list in its order.
        rows = Conversation.objects.for_account(accounts[0])
    else:
        rows = Conversation.objects.for_user(user)
    # Not joined: the database would start from the small tables, and sort.
    return rows.prefetch_related("account", "channel", "contact")


def _name(row: Conversation) -> str:
    """A row's place in the list: its time in microseconds, and its UUID."""
    assert row.last_message_at is not None  # noqa: S101 (the list's condition)
    since = row.last_message_at - dt.datetime.fromtimestamp(0, dt.UTC)
    return f"{since // dt.timedelta(microseconds=1)}.{row.uuid}"


def _older_than(rows: models.QuerySet[Conversation], place: str) -> Q:
    number, _dot, name = place.partition(".")
    if not number.isdecimal() or len(number) > 17:
        raise InvalidPayload("`before` names no place in the list.")
    at = dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(microseconds=int(number))
    key = rows.filter(uuid=_uuid(name)).values_list("pk", flat=True).first()
    if key is None:
        return Q(last_message_at__lt=at)
    # The first condition is what the index is entered with.
    return Q(last_message_at__lte=at) & (Q(last_message_at__lt=at) | Q(pk__lt=key))


def _is_uuid(name: str) -> bool:
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True


def _uuid(name: str) -> uuid.UUID:
    try:
        return uuid.UUID(name)
    except ValueError as exc:
        raise InvalidPayload(f"{name[:50]!r} is not an id.") from exc
