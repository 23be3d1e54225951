"""What people do in conversations."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import delivery, services
from conversations.models import Conversation, Delivery, Message
from conversations.signals import conversation_changed_hands
from conversations.tests.acting import commit, say
from core.exceptions import Conflict, InvalidPayload

pytestmark = pytest.mark.django_db(transaction=True)


def only() -> Conversation:
    return Conversation.objects.get()


def kinds() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("id").values_list("kind", "state"))


@pytest.fixture
def asked(chatwoot: Any) -> Conversation:
    """A conversation in Chatwoot with a question that waits."""
    say(chatwoot, "How long?", id_="1")
    return only()


def test_a_hand_off_settles_what_waits_and_tells_the_provider(
    asked: Conversation, bob: Any
) -> None:
    services.hand_off(conversation=asked, reason="taken_over", user=bob)

    row = only()
    assert (row.status, row.status_reason, row.epoch) == (
        "support_active", "taken_over", 1,
    )  # fmt: skip
    assert row.assigned_to == bob
    assert not row.needs_person
    assert (row.due_at, row.waiting_since) == (None, None)
    assert Message.objects.get().state == "handed_over"
    assert kinds() == [("hand_off", "waiting")]


def test_a_hand_off_to_nobody_calls_for_a_person(asked: Conversation) -> None:
    services.hand_off(conversation=asked, reason="asked_for_person")

    assert only().needs_person
    assert only().assigned_to is None


def test_a_second_hand_off_changes_the_person_only(
    asked: Conversation, bob: Any, alice: Any
) -> None:
    services.hand_off(conversation=asked, reason="taken_over", user=bob)

    services.hand_off(conversation=asked, reason="taken_over", user=alice)
    services.hand_off(conversation=asked, reason="taken_over", user=alice)
    services.hand_off(conversation=asked, reason="other")

    assert only().assigned_to == alice
    assert only().epoch == 1
    assert len(kinds()) == 1


def test_a_hand_back_lets_the_assistant_reply_again(
    asked: Conversation, bob: Any
) -> None:
    services.hand_off(conversation=asked, reason="taken_over", user=bob)

    services.hand_back(conversation=asked, reason="handed_back")
    services.hand_back(conversation=asked, reason="handed_back")

    row = only()
    assert (row.status, row.epoch, row.assigned_to) == ("active", 2, None)
    # The news that was never sent is void.
    assert kinds() == [("hand_off", "withheld"), ("hand_back", "waiting")]


def test_closing_ends_it_for_everybody(asked: Conversation) -> None:
    services.close(conversation=asked, reason="closed_by_person")
    services.close(conversation=asked, reason="closed_by_person")

    assert (only().status, only().epoch) == ("closed", 1)
    assert Message.objects.get().state == "ignored"


def test_who_replies_takes_over(asked: Conversation, bob: Any) -> None:
    message = services.reply(conversation=asked, user=bob, text=" Hello, Bob here. ")

    row = only()
    assert (row.status, row.assigned_to, row.needs_person) == (
        "support_active", bob, False,
    )  # fmt: skip
    assert (message.text, message.author, message.state) == (
        "Hello, Bob here.", "support", "sending",
    )  # fmt: skip
    assert message.seq == row.seq
    assert kinds() == [("hand_off", "waiting"), ("text", "waiting")]
    text = Delivery.objects.get(kind="text")
    assert text.epoch is None


def test_on_our_own_page_a_reply_needs_no_delivery(channel: Any, bob: Any) -> None:
    say(channel, "Hello?")

    message = services.reply(conversation=only(), user=bob, text="Hi")

    assert message.state == "sent"
    assert not Delivery.objects.exists()


def test_a_long_reply_leaves_in_parts(
    asked: Conversation, bob: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 10)

    services.reply(conversation=asked, user=bob, text="one two three four")

    parts = Delivery.objects.filter(kind="text").order_by("id")
    assert [each.text for each in parts] == ["one two", "three four"]
    assert [each.part for each in parts] == [0, 1]


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "x" * 10_001])
def test_a_reply_has_words_and_not_too_many(
    asked: Conversation, bob: Any, text: str
) -> None:
    with pytest.raises(InvalidPayload, match="characters"):
        services.reply(conversation=asked, user=bob, text=text)

    assert only().status == "active"


def test_a_persons_words_survive_a_hand_back(asked: Conversation, bob: Any) -> None:
    services.reply(conversation=asked, user=bob, text="On its way.")

    services.hand_back(conversation=asked, reason="handed_back")

    assert Delivery.objects.get(kind="text").state == "waiting"


def test_taking_over_withholds_what_the_assistant_has_not_sent(
    asked: Conversation, bob: Any, monkeypatch: Any
) -> None:
    """The first part has left, the second is about to, the third waits."""
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 5)
    commit(asked, "aaaa bbbb cccc")
    (first,) = delivery.claim(1, 10)
    assert delivery.start([first.id], 1) == {first.id}
    delivery.record([delivery.Outcome(first.id, Delivery.State.SENT, "x", worker=1)])
    (second,) = delivery.claim(1, 10)

    services.hand_off(conversation=asked, reason="taken_over", user=bob)

    assert delivery.start([second.id], 1) == set()
    assert [state for kind, state in kinds() if kind == "text"] == [
        "sent", "withheld", "withheld",
    ]  # fmt: skip
    reply = Message.objects.get(author="assistant")
    assert (reply.state, reply.reason) == ("withheld", "taken_over")


def test_a_part_that_is_on_its_way_keeps_its_outcome(
    asked: Conversation, bob: Any
) -> None:
    commit(asked, "Three days.")
    (part,) = delivery.claim(1, 10)
    delivery.start([part.id], 1)

    services.hand_off(conversation=asked, reason="taken_over", user=bob)
    delivery.record([delivery.Outcome(part.id, Delivery.State.SENT, "x", worker=1)])

    assert Message.objects.get(author="assistant").state == "sent"


def test_human_mode_moves_every_conversation_of_its_channel_only(
    channel: Any, chatwoot: Any, bob: Any
) -> None:
    for thread in ("a", "b"):
        say(channel, "Hello?", thread=thread)
    say(chatwoot, "Hello?")
    taken = Conversation.objects.get(external_id="b")
    services.hand_off(conversation=taken, reason="taken_over", user=bob)

    assert services.set_human_mode(channel=channel, is_on=True).human_mode

    statuses = dict(Conversation.objects.values_list("external_id", "status"))
    assert statuses == {
        "a": "support_active", "b": "support_active", "thread-1": "active",
    }  # fmt: skip
    services.set_human_mode(channel=channel, is_on=False)
    statuses = dict(Conversation.objects.values_list("external_id", "status"))
    assert statuses["a"] == "active"
    assert statuses["b"] == "support_active"


def test_switching_human_mode_on_again_finishes_what_broke_off(channel: Any) -> None:
    services.set_human_mode(channel=channel, is_on=True)
    say(channel, "Hello?")
    Conversation.objects.update(status="active", status_reason="")

    services.set_human_mode(channel=channel, is_on=True)

    assert only().status == "support_active"


def test_reading_clears_the_unread_count(asked: Conversation) -> None:
    services.mark_read(conversation=asked)

    assert only().unread == 0


def test_a_failed_part_can_be_sent_again(asked: Conversation) -> None:
    commit(asked)
    Delivery.objects.update(state="failed", attempts=6, error="404", must_look=True)
    Message.objects.filter(author="assistant").update(state="failed")

    services.retry_delivery(delivery=Delivery.objects.get())

    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.error, row.must_look) == (
        "waiting",
        0,
        "",
        True,
    )
    assert Message.objects.get(author="assistant").state == "sending"


@pytest.mark.parametrize(
    "state", ["waiting", "sending", "sent", "uncertain", "withheld"]
)
def test_only_what_has_failed_can_be_sent_again(
    asked: Conversation, state: str
) -> None:
    commit(asked)
    Delivery.objects.update(state=state)

    with pytest.raises(Conflict):
        services.retry_delivery(delivery=Delivery.objects.get())


def test_a_change_of_hands_is_signalled_with_its_number(asked: Conversation) -> None:
    heard: list[Any] = []

    def listen(conversation: Any, **_: Any) -> None:
        heard.append((conversation.status, conversation.epoch, conversation.seq))

    conversation_changed_hands.connect(listen)
    try:
        services.hand_off(conversation=asked, reason="taken_over")
        services.hand_back(conversation=asked, reason="handed_back")
    finally:
        conversation_changed_hands.disconnect(listen)

    assert heard == [("support_active", 1, 2), ("active", 2, 3)]
