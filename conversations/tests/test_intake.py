"""What arrives is stored once, in order, and waits for whoever is to reply."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from conversations import intake, services
from conversations.models import Contact, Conversation, Message
from conversations.signals import conversation_changed_hands, messages_received
from conversations.tests.acting import inbound, say, turn_over
from core import store
from integrations.adapters.inbound import Attachment, Turnover
from integrations.facts import facts_of
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)


def only() -> Conversation:
    return Conversation.objects.get()


def test_a_first_message_makes_contact_conversation_and_message(channel: Any) -> None:
    received = say(
        channel, "Hello", id_="m1", contact_name="Bat", contact_email="b@x.mn",
        profile={"phone": "1"},
    )  # fmt: skip

    message = Message.objects.get()
    conversation = only()
    contact = Contact.objects.get()
    assert received.is_new
    assert received.message_id == message.pk
    assert (message.text, message.author, message.state) == (
        "Hello",
        "contact",
        "waiting",
    )
    assert message.account == conversation.account == channel.account
    assert (contact.name, contact.email, contact.profile) == (
        "Bat",
        "b@x.mn",
        {"phone": "1"},
    )
    assert conversation.status == "active"
    assert conversation.address == {"conversation": "418"}
    assert conversation.unread == 1
    assert conversation.last_text == "Hello"
    assert conversation.last_inbound_id == message.pk
    assert conversation.due_at is not None
    assert conversation.seq == message.seq == 1


def test_a_redelivered_message_is_stored_once(channel: Any) -> None:
    first = say(channel, "Hello", id_="m1")
    again = say(channel, "Hello", id_="m1")

    assert not again.is_new
    assert again.message_id == first.message_id
    assert Message.objects.count() == 1
    assert only().unread == 1


def test_the_same_id_twice_at_once_is_stored_once(channel: Any) -> None:
    facts = facts_of(channel)

    first, again = intake.receive(
        [(facts, inbound("a", id_="m1")), (facts, inbound("a", id_="m1"))]
    )

    assert (first.is_new, first.message_id) == (True, again.message_id)
    assert Message.objects.count() == 1


def test_messages_without_an_id_are_all_kept(channel: Any) -> None:
    facts = facts_of(channel)

    received = intake.receive([(facts, inbound(text)) for text in ("a", "b", "a")])

    assert len({each.message_id for each in received}) == 3
    assert list(Message.objects.order_by("id").values_list("text", flat=True)) == [
        "a", "b", "a",
    ]  # fmt: skip


def test_the_same_id_in_two_threads_is_two_messages(channel: Any) -> None:
    say(channel, "a", id_="m1", thread="t1")
    say(channel, "a", id_="m1", thread="t2")

    assert Message.objects.count() == 2


def test_accounts_never_meet(channel: Any) -> None:
    other = ChannelFactory()

    say(channel, "mine", id_="m1")
    say(other, "theirs", id_="m1")

    assert Conversation.objects.for_account(channel.account).get().last_text == "mine"
    assert Conversation.objects.for_account(other.account).get().last_text == "theirs"
    assert Contact.objects.count() == 2
    assert {each.seq for each in Message.objects.all()} == {1}


def test_what_a_database_cannot_hold_is_cleaned(channel: Any) -> None:
    say(channel, "a\x00b\ud83d", contact_name="N\x00\ud83d", contact_email="e\x00")
    say(channel, "c\x00\ud83d", author="support", id_="s1")

    texts = list(Message.objects.order_by("id").values_list("text", flat=True))
    assert texts == ["ab?", "c?"]
    assert only().last_text == "c?"


def test_a_very_long_text_is_kept_up_to_a_limit(channel: Any) -> None:
    say(channel, "x" * (intake.MAX_TEXT + 5))

    assert len(Message.objects.get().text) == intake.MAX_TEXT
    assert len(only().last_text) == 200


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("How long does delivery take?", 0),
        ("Please send it.", 0),
        ("Хүргэлт хэд хоног болдог вэ…", 0),
        ("x" * 120, 0),
        ("hello", intake.QUIET_FRAGMENT_S),
        ("", intake.QUIET_FRAGMENT_S),
        ("I would like to know", intake.QUIET_PHRASE_S),
    ],
    ids=["question", "sentence", "other script", "long", "word", "nothing", "phrase"],
)
def test_the_quiet_window_depends_on_how_finished_it_sounds(
    text: str, wait_s: float
) -> None:
    assert intake.quiet_s(text) == wait_s


def test_who_keeps_writing_is_answered_all_the_same(channel: Any) -> None:
    say(channel, "hello")
    since = timezone.now() - dt.timedelta(seconds=intake.QUIET_MOST_S - 0.1)
    Conversation.objects.update(waiting_since=since)

    say(channel, "and")

    waits_s = (only().due_at - timezone.now()).total_seconds()
    assert waits_s <= 0.1
    assert only().waiting_since == since


def test_who_waits_for_the_answer_in_the_same_call_is_answered_at_once(
    channel: Any,
) -> None:
    say(channel, "hello", is_synchronous=True)

    assert only().due_at <= timezone.now()


def test_while_people_reply_words_go_to_them(channel: Any) -> None:
    say(channel, "Hello")
    services.hand_off(conversation=only(), reason="taken_over")

    say(channel, "Are you there?")

    newest = Message.objects.latest("id")
    assert (newest.state, newest.reason) == ("handed_over", "taken_over")
    assert only().due_at is None


def test_in_human_mode_a_new_conversation_goes_to_people(channel: Any) -> None:
    services.set_human_mode(channel=channel, is_on=True)

    say(channel, "Hello?")

    conversation = only()
    assert (conversation.status, conversation.status_reason) == (
        "support_active", "human_mode",
    )  # fmt: skip
    assert conversation.needs_person
    assert Message.objects.get().state == "handed_over"


@pytest.mark.parametrize("is_human", [False, True], ids=["assistant", "people"])
def test_a_closed_conversation_goes_on_as_a_new_one(
    channel: Any, is_human: bool
) -> None:
    say(channel, "Hello?")
    services.close(conversation=only(), reason="closed_by_person")
    epoch = only().epoch
    services.set_human_mode(channel=channel, is_on=is_human)
    channel.refresh_from_db()

    say(channel, "One more thing?")

    conversation = only()
    assert conversation.status == ("support_active" if is_human else "active")
    assert conversation.epoch == epoch + 1
    assert Message.objects.latest("id").state == (
        "handed_over" if is_human else "waiting"
    )


def test_a_reply_typed_in_the_providers_app_takes_over(channel: Any) -> None:
    say(channel, "Hello?")

    say(channel, "Hi, Ana here.", author="support", id_="s1")
    say(channel, "Hi, Ana here.", author="support", id_="s1")

    conversation = only()
    assert (conversation.status, conversation.status_reason) == (
        "support_active", "person_replied",
    )  # fmt: skip
    assert conversation.epoch == 1
    assert not conversation.needs_person
    assert list(Message.objects.order_by("id").values_list("author", "state")) == [
        ("contact", "handed_over"), ("support", "sent"),
    ]  # fmt: skip


def test_a_person_may_write_first(channel: Any) -> None:
    say(channel, "Your order is ready.", author="support", id_="s1")

    assert only().status == "support_active"
    assert only().unread == 0


@pytest.mark.parametrize(
    ("before", "turnover", "after"),
    [
        ("active", Turnover.TO_SUPPORT, "support_active"),
        ("support_active", Turnover.TO_ASSISTANT, "active"),
        ("active", Turnover.CLOSED, "closed"),
        ("support_active", Turnover.CLOSED, "closed"),
        ("closed", Turnover.TO_SUPPORT, "support_active"),
        ("support_active", Turnover.TO_SUPPORT, "support_active"),
        ("active", Turnover.TO_ASSISTANT, "active"),
        ("closed", Turnover.CLOSED, "closed"),
    ],
)
def test_who_replies_follows_the_provider(
    channel: Any, before: str, turnover: Turnover, after: str
) -> None:
    say(channel, "Hello?")
    if before != "active":
        action = services.close if before == "closed" else services.hand_off
        action(conversation=only(), reason="test")
    epoch = only().epoch

    turn_over(channel, turnover)

    assert only().status == after
    assert only().epoch == epoch + (before != after)


def test_a_turnover_of_a_thread_we_do_not_know_is_nothing(channel: Any) -> None:
    turn_over(channel, Turnover.TO_SUPPORT, thread="unknown")

    assert not Conversation.objects.exists()


def test_signals_tell_what_happened_inside_the_transaction(channel: Any) -> None:
    heard: list[Any] = []

    def on_messages(conversations: Any, **_: Any) -> None:
        heard.append([each.last_text for each in conversations])

    def on_change(conversation: Any, **_: Any) -> None:
        heard.append((conversation.status, connection.in_atomic_block))

    messages_received.connect(on_messages)
    conversation_changed_hands.connect(on_change)
    try:
        say(channel, "Hello")
        turn_over(channel, Turnover.TO_SUPPORT)
    finally:
        messages_received.disconnect(on_messages)
        conversation_changed_hands.disconnect(on_change)

    assert heard == [["Hello"], ("support_active", True)]


def test_many_arrivals_take_few_statements(
    channel: Any, django_assert_max_num_queries: Any
) -> None:
    facts = facts_of(channel)
    arrivals = [(facts, inbound(f"{n}", thread=f"t{n}", id_="m")) for n in range(100)]

    with django_assert_max_num_queries(21):
        intake.receive(arrivals)

    assert Message.objects.count() == 100


def at_once(*actions: Any) -> list[BaseException]:
    """Run in threads, all starting together; returns what went wrong."""
    start = threading.Barrier(len(actions))
    errors: list[BaseException] = []

    def run(action: Any) -> None:
        try:
            start.wait()
            action()
        except BaseException as exc:  # noqa: BLE001 (whatever it was)
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(each,)) for each in actions]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return errors


def test_one_message_from_two_sides_at_once_is_stored_once(channel: Any) -> None:
    for number in range(15):

        def act(thread: str = f"t{number}") -> None:
            say(channel, "Hi", thread=thread, id_="m")

        errors = at_once(act, act, act)
        assert errors == []

    assert Message.objects.count() == 15
    assert Contact.objects.count() == 15


def test_workers_that_store_the_same_threads_in_any_order_never_block_each_other(
    channel: Any,
) -> None:
    """New threads, known ones, people's replies and turnovers, all at once."""
    if not store.is_postgresql():
        pytest.skip("SQLite has one writer")
    other = ChannelFactory()

    def arrivals(numbers: Any, tag: str) -> list[Any]:
        found: list[Any] = []
        for n in numbers:
            facts = facts_of(channel if n % 2 else other)
            author: Any = "support" if n % 5 == 0 else "contact"
            found.append(
                (facts, inbound("x", thread=f"t{n}", id_=f"{tag}{n}", author=author))
            )
        return found

    for round_ in range(12):
        numbers = range(round_ * 3, round_ * 3 + 14)
        ahead, back = arrivals(numbers, "a"), arrivals(reversed(numbers), "b")
        errors = at_once(
            lambda ahead=ahead: intake.receive(ahead),
            lambda back=back: intake.receive(back),
        )
        assert errors == []


def test_human_mode_that_is_switched_on_meanwhile_misses_no_new_conversation(
    channel: Any,
) -> None:
    for number in range(20):
        services.set_human_mode(channel=channel, is_on=False)
        at_once(
            lambda number=number: say(channel, "Hello?", thread=f"new{number}"),
            lambda: services.set_human_mode(channel=channel, is_on=True),
        )

        found = Conversation.objects.filter(status="active")
        assert list(found) == []


def test_what_came_with_a_message_is_kept_with_it(chatwoot: Any) -> None:
    picture = Attachment("image", "https://files.example/a.jpg", "8", "a.jpg", size=9)

    say(chatwoot, "", id_="1", attachments=(picture,))

    (kept,) = Message.objects.get().attachments
    assert Attachment(**kept) == picture
    assert Conversation.objects.get().last_text == "a.jpg"
