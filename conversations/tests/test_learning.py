"""What conversations teach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from conversations import learning
from conversations.signals import answer_rated
from conversations.tests.factories import ConversationFactory, MessageFactory
from core.exceptions import Conflict, InvalidPayload
from knowledge.models import Entry, Example
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Message

pytestmark = pytest.mark.django_db

OFFER = "I am not sure. Shall I ask a person?"


@pytest.fixture
def entry(account: Any) -> Entry:
    return EntryFactory(account=account, external_id="norway", title="Norway")


@pytest.fixture
def reply(conversation: Any) -> Message:
    """What a person replied to a question that nobody could answer."""
    say(conversation, "contact", "Hello!", reason="small_talk")
    say(conversation, "contact", "Do you ship to Norway?", reason="low_confidence")
    say(conversation, "contact", "My order is 100482", reason="low_confidence")
    say(conversation, "assistant", OFFER, sources=[{"title": "Delivery abroad"}])
    say(conversation, "contact", "yes please", reason="asked_for_person")
    return say(conversation, "support", "Yes, within a week.")


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """What the apps above are told of ratings."""
    found: list[Any] = []

    def hear(message: Message, *, is_right: bool, **_: Any) -> None:
        found.append((message, is_right))

    answer_rated.connect(hear)
    yield found
    answer_rated.disconnect(hear)


def say(conversation: Any, author: str, text: str, **more: Any) -> Message:
    message: Message = MessageFactory(
        conversation=conversation, author=author, text=text, **more
    )
    return message


def test_a_confirmed_answer_becomes_a_proposal_for_its_first_source(
    conversation: Any, entry: Entry
) -> None:
    say(conversation, "contact", "Do you ship to Norway?")
    answer = say(
        conversation,
        "assistant",
        "Yes.",
        reason="answered",
        sources=[{"entry_id": "norway"}, {"entry_id": "other"}],
    )

    learning.confirm(message=answer)
    learning.confirm(message=answer)

    row = Example.objects.get()
    assert (row.entry, row.text) == (entry, "Do you ship to Norway?")
    assert (row.origin, row.status) == ("confirmed", "proposed")
    assert row.reference == str(answer.uuid)


def test_a_rating_confirms_only_an_answer_that_was_right(
    conversation: Any, entry: Entry, told: list[Any]
) -> None:
    say(conversation, "contact", "Do you ship to Norway?")
    sources = [{"entry_id": "norway"}]
    answer = say(conversation, "assistant", "Yes.", reason="answered", sources=sources)

    learning.heed_rating(message=answer, is_right=False)
    assert not Example.objects.exists()
    learning.heed_rating(message=answer, is_right=True)

    assert Example.objects.get().text == "Do you ship to Norway?"
    assert told == [(answer, False), (answer, True)]


@pytest.mark.parametrize(
    "values",
    [
        {"author": "assistant", "reason": "small_talk"},
        {"author": "assistant", "reason": "low_confidence", "sources": [{}]},
        {"author": "support", "reason": "answered", "sources": [{}]},
    ],
    ids=["courtesy", "offer", "person"],
)
def test_a_rating_of_what_is_no_answer_teaches_nothing(
    conversation: Any, told: list[Any], values: dict[str, Any]
) -> None:
    learning.heed_rating(
        message=MessageFactory(conversation=conversation, **values), is_right=True
    )

    assert told == []
    assert not Example.objects.exists()


def test_an_answer_whose_entry_has_gone_teaches_nothing(conversation: Any) -> None:
    say(conversation, "contact", "Do you ship to Norway?")
    answer = say(
        conversation, "assistant", "Yes.", reason="answered",
        sources=[{"entry_id": "norway"}],
    )  # fmt: skip

    assert learning.confirm(message=answer).problems
    assert not Example.objects.exists()


def test_only_an_answer_can_be_confirmed(reply: Message) -> None:
    with pytest.raises(Conflict):
        learning.confirm(message=reply)


def test_the_question_of_a_reply_is_the_last_one_that_asks_something(
    reply: Message,
) -> None:
    assert learning.asked_before(reply) == (
        "Do you ship to Norway?\nMy order is 100482"
    )


def test_each_reply_has_the_question_before_it(
    conversation: Any, reply: Message
) -> None:
    second = say(conversation, "support", "It costs nine euros.")
    say(conversation, "contact", "And to Iceland?", reason="person_replied")
    third = say(conversation, "support", "The same.")

    assert learning.asked_before(second) == learning.asked_before(reply)
    assert learning.asked_before(third) == "And to Iceland?"


def test_a_support_user_links_a_reply_to_an_entry(
    client: Any, bob: Any, conversation: Any, reply: Message, entry: Entry
) -> None:
    client.force_login(bob)
    thread = reverse("desk-thread", args=[conversation.uuid])
    page = client.get(thread).content.decode()
    assert "Do you ship to Norway? My order is …</textarea>" in page
    assert '<option value="Delivery abroad">' in page

    shown = client.post(
        reverse("desk-link", args=[conversation.uuid, reply.uuid]),
        {"entry": " norway ", "question": "Do you ship to Norway? jo@mail.example"},
        headers={"X-Partial": "1"},
    ).content.decode()

    row = Example.objects.get()
    assert (row.entry, row.text) == (entry, "Do you ship to Norway? …")
    assert (row.status, row.reviewed_by) == ("proposed", None)
    assert "Linked to “Norway” · To be reviewed" in shown
    assert "</textarea>" not in shown.split("data-reply")[0]


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"entry": "Sweden", "question": "Why?"}, 400, "no entry called “Sweden”"),
        ({"entry": "", "question": "Why?"}, 400, "no entry called"),
        ({"entry": "norway", "question": " ?"}, 400, "has no words"),
        ({"entry": "Twice", "question": "Why?"}, 400, "Several entries"),
        ({"entry": "Archived", "question": "Why?"}, 400, "no entry called"),
        ({"entry": "Foreign", "question": "Why?"}, 400, "no entry called"),
        ({}, 400, "no entry called"),
    ],
)
def test_what_cannot_be_linked_is_said(
    client: Any,
    bob: Any,
    account: Any,
    conversation: Any,
    reply: Message,
    entry: Entry,
    values: dict[str, str],
    status: int,
    said: str,
) -> None:
    for _ in range(2):
        EntryFactory(account=account, title="Twice")
    EntryFactory(account=account, title="Archived", status="archived")
    EntryFactory(title="Foreign")
    client.force_login(bob)

    response = client.post(
        reverse("desk-link", args=[conversation.uuid, reply.uuid]), values
    )

    assert (response.status_code, said in response.content.decode()) == (status, True)
    assert not Example.objects.exists()


def test_the_same_link_twice_is_said_to_be_known(reply: Message, entry: Entry) -> None:
    learning.link(reply=reply, entry=entry, question="Norway?")

    with pytest.raises(Conflict):
        learning.link(reply=reply, entry=entry, question="norway")


def test_an_assistants_words_cannot_be_linked(conversation: Any, entry: Entry) -> None:
    message = say(conversation, "assistant", OFFER)

    with pytest.raises(Conflict):
        learning.link(reply=message, entry=entry, question="Norway?")
    with pytest.raises(InvalidPayload):
        learning.find_entry(conversation.account, "\x00")


@pytest.mark.parametrize("name", ["desk-link", "desk-entries"])
def test_strangers_and_the_signed_out_see_nothing(
    client: Any, charlie: Any, conversation: Any, reply: Message, name: str
) -> None:
    args = (
        [conversation.uuid, reply.uuid] if name == "desk-link" else [conversation.uuid]
    )
    address = reverse(name, args=args)
    method = client.post if name == "desk-link" else client.get

    assert method(address).status_code == 302
    client.force_login(charlie)
    assert method(address).status_code == 404


def test_a_reply_of_another_conversation_is_not_found(
    client: Any, bob: Any, conversation: Any, channel: Any, entry: Entry
) -> None:
    other = say(ConversationFactory(channel=channel), "support", "Yes.")
    client.force_login(bob)

    response = client.post(
        reverse("desk-link", args=[conversation.uuid, other.uuid]),
        {"entry": "norway", "question": "Why?"},
    )

    assert response.status_code == 404


def test_linking_takes_a_post(
    client: Any, bob: Any, conversation: Any, reply: Message
) -> None:
    client.force_login(bob)

    address = reverse("desk-link", args=[conversation.uuid, reply.uuid])

    assert client.get(address).status_code == 405


def test_titles_are_suggested_as_somebody_types(
    client: Any, bob: Any, account: Any, conversation: Any, entry: Entry
) -> None:
    EntryFactory(account=account, title="Shipping to Sweden & Norway")
    EntryFactory(title="Norway elsewhere")
    client.force_login(bob)
    address = reverse("desk-entries", args=[conversation.uuid])

    page = client.get(address, {"q": "norw ship"}).content.decode()

    assert page.strip() == ('<option value="Shipping to Sweden &amp; Norway"></option>')
