"""What conversations teach: questions whose answer was confirmed, by whom and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext

from accounts.services import as_uuid
from conversations.models import Message
from conversations.signals import answer_rated
from core.exceptions import Conflict, InvalidPayload
from core.personal import mask
from core.text import clean_text
from knowledge.learning import add_examples
from knowledge.models import Entry, Example

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accounts.models import Account
    from conversations.models import Contact, Conversation
    from knowledge.learning import Learned

#: Messages before a reply among which its question is looked for.
LOOK_BACK: Final = 30
#: Titles that are suggested while somebody types.
SUGGESTIONS: Final = 8
#: Why a contact's message was dealt with although it asks nothing about the business.
_NO_QUESTION: Final = frozenset(
    {"asked_for_person", "small_talk", "empty", "declined", "outside_hours"}
)


def confirm(*, message: Message) -> Learned:
    """Propose an answer's question as an example of the entry that it rests on.

    For a thumbs up. Raises `Conflict` for anything but an answer with a source.
    """
    if not is_answer(message):
        raise Conflict(gettext("Only an answer from the knowledge can be confirmed."))
    turn = getattr(message, "turn", None)
    question = turn.query if turn is not None and turn.query else asked_before(message)
    entry = str(message.sources[0].get("entry_id"))
    return _propose(message, entry, question)


def is_answer(message: Message) -> bool:
    """Whether the assistant said it from the knowledge: no courtesy, no offer."""
    is_ours = message.author == Message.Author.ASSISTANT
    return is_ours and message.reason == "answered" and bool(message.sources)


@transaction.atomic
def heed_rating(*, message: Message, is_right: bool) -> None:
    """Let a contact's rating of an answer count; of anything else it teaches nothing."""
    if not is_answer(message):
        return
    # Before the knowledge is held: who learns from judgements locks in this order.
    answer_rated.send(sender=Message, message=message, is_right=is_right)
    if is_right:
        confirm(message=message)


def link(*, reply: Message, entry: Entry, question: str) -> Learned:
    """Propose what a person has replied to as a question that this entry answers.

    Raises `Conflict` for what no person wrote or what is known already,
    `InvalidPayload` for what is no question.
    """
    if reply.author != Message.Author.SUPPORT:
        raise Conflict(gettext("Only a person's reply can be linked to an entry."))
    learned = _propose(reply, entry.public_id, question)
    if learned.problems:
        raise InvalidPayload(
            gettext("It cannot be learned: %(why)s.") % {"why": learned.problems[0].why}
        )
    if not learned.added:
        raise Conflict(gettext("This question was proposed for that entry before."))
    return learned


def _propose(message: Message, entry: str, question: str) -> Learned:
    return add_examples(
        account=message.account,
        items=[(entry, without_personal(message.conversation.contact, question))],
        origin=Example.Origin.CONFIRMED,
        status=Example.Status.PROPOSED,
        reference=str(message.uuid),
    )


def without_personal(contact: Contact, text: str) -> str:
    """The text, on one line, without what points at the contact."""
    return " ".join(mask(text, [contact.name, contact.email]).split())


def asked_before(reply: Message) -> str:
    """What the contact had asked when this was said."""
    rows = reply.conversation.messages.filter(pk__lte=reply.pk)
    return question_of(reply, list(rows.order_by("-pk")[:LOOK_BACK])[::-1])


def question_of(reply: Message, messages: Sequence[Message]) -> str:
    """What the contact had asked, of a conversation's messages, oldest first."""
    found: list[str] = []
    for each in reversed(messages):
        if each.pk >= reply.pk:
            continue
        is_question = (
            each.author == Message.Author.CONTACT and each.reason not in _NO_QUESTION
        )
        if is_question:
            found.append(each.text)
        elif found:
            break
    return "\n".join(reversed(found))


def lessons(
    conversation: Conversation, messages: Iterable[Message]
) -> dict[str, Example]:
    """What was learned from these messages, by their UUIDs."""
    names = [
        str(each.uuid) for each in messages if each.author == Message.Author.SUPPORT
    ]
    if not names:
        return {}
    rows = Example.objects.filter(
        entry__account_id=conversation.account_id, reference__in=names
    )
    return {row.reference: row for row in rows.select_related("entry").order_by("pk")}


def find_entry(account: Account, name: str) -> Entry:
    """The entry of this title or id; raises `InvalidPayload`."""
    name = clean_text(name).strip()
    rows = Entry.objects.for_account(account).exclude(status=Entry.Status.ARCHIVED)
    key = as_uuid(name)
    by_id = Q(uuid=key) if key is not None else Q(external_id=name)
    found = list(rows.filter(by_id)[:1]) or list(rows.filter(title__iexact=name)[:2])
    if not name or not found:
        raise InvalidPayload(
            gettext("There is no entry called “%(name)s”.") % {"name": name[:80]}
        )
    if len(found) > 1:
        raise InvalidPayload(
            gettext("Several entries are called “%(name)s”; give its id.")
            % {"name": name[:80]}
        )
    return found[0]


def suggest_titles(account: Account, words: str) -> list[str]:
    """Titles of entries that hold these words."""
    rows = Entry.objects.for_account(account).published()
    for word in clean_text(words).split()[:5]:
        rows = rows.filter(title__icontains=word)
    return list(rows.order_by("title").values_list("title", flat=True)[:SUGGESTIONS])
