"""One conversation on the live desk: what it shows, and what people do in it."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from conversations.models import Conversation, Delivery, Message
from conversations.tests.factories import ConversationFactory, MessageFactory
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db

#: Everything that acts in one conversation, with what it needs.
ACTIONS = {
    "desk-take-over": {},
    "desk-hand-back": {},
    "desk-close": {},
    "desk-reply": {"text": "Here I am."},
    "desk-read": {},
}
#: Everything that reads one conversation.
READS = ["desk-conversation", "desk-thread"]


@pytest.fixture
def desk(client, bob):
    """Bob's browser."""
    client.force_login(bob)
    return client


# --- The desk: one conversation -----------------------------------------------


def test_a_thread_shows_each_message_with_its_grounds(desk, conversation):
    MessageFactory(conversation=conversation, text="When will it come?")
    MessageFactory(
        conversation=conversation,
        author=Message.Author.ASSISTANT,
        state=Message.State.SENT,
        text="In two days.",
        reason="answered",
        confidence=0.873,
        sources=[{"title": "Delivery times", "confidence": 0.873, "entry_id": "d-1"}],
    )

    page = desk.get(reverse("desk-thread", args=[conversation.uuid])).content.decode()

    assert page.index("When will it come?") < page.index("In two days.")
    assert "87%" in page
    assert "Delivery times" in page


def test_what_is_not_quite_certain_is_not_shown_as_certain(desk, conversation):
    MessageFactory(
        conversation=conversation,
        author=Message.Author.ASSISTANT,
        state=Message.State.SENT,
        reason="answered",
        confidence=0.9987,
        sources=[
            {"title": "Delivery", "confidence": 0.9996},
            {"title": "Returns", "confidence": 0.002},
        ],
    )

    page = desk.get(reverse("desk-thread", args=[conversation.uuid])).content.decode()

    assert "<b>99%</b>" in page
    assert '<span class="source-percent">1%</span>' in page
    assert "100%" not in page
    assert ">0%" not in page


def test_a_source_leads_staff_to_its_entry(client, conversation, admin_user):
    entry = EntryFactory(account=conversation.account, external_id="d-1")
    MessageFactory(
        conversation=conversation,
        author=Message.Author.ASSISTANT,
        sources=[{"title": "Delivery", "confidence": 0.9, "entry_id": "d-1"}],
    )
    client.force_login(admin_user)

    page = client.get(reverse("desk-thread", args=[conversation.uuid])).content.decode()

    assert reverse("admin:knowledge_entry_change", args=[entry.pk]) in page


def test_what_contacts_write_is_never_html(desk, conversation):
    MessageFactory(conversation=conversation, text="<script>alert(1)</script>")

    page = desk.get(reverse("desk-thread", args=[conversation.uuid])).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_bold_words_of_an_answer_are_bold_and_nothing_else_is_markup(
    desk, conversation
):
    MessageFactory(
        conversation=conversation,
        author=Message.Author.ASSISTANT,
        text="Open **My orders** <b>now</b>, or https://shop.example/orders.",
    )

    page = desk.get(reverse("desk-thread", args=[conversation.uuid])).content.decode()

    assert "<b>My orders</b>" in page
    assert "&lt;b&gt;now" in page
    assert 'href="https://shop.example/orders"' in page


def test_a_delivery_that_failed_can_be_sent_again(desk, conversation):
    message = MessageFactory(
        conversation=conversation,
        author=Message.Author.SUPPORT,
        state=Message.State.FAILED,
    )
    delivery = Delivery.objects.create(
        account=conversation.account,
        conversation=conversation,
        message=message,
        text=message.text,
        state=Delivery.State.FAILED,
        error="The provider refused.",
        due_at=timezone.now(),
    )
    url = reverse("desk-retry", args=[conversation.uuid, delivery.uuid])

    page = desk.get(reverse("desk-thread", args=[conversation.uuid])).content.decode()
    response = desk.post(url)

    delivery.refresh_from_db()
    assert "The provider refused." in page
    assert response.status_code == 302
    assert delivery.state == Delivery.State.WAITING
    assert desk.post(url).status_code == 409


def test_an_unknown_delivery_cannot_be_sent_again(desk, conversation):
    url = reverse("desk-retry", args=[conversation.uuid, uuid.uuid4()])

    assert desk.post(url).status_code == 404
    assert desk.get(url).status_code == 405


def test_older_messages_come_on_request(desk, conversation, monkeypatch):
    monkeypatch.setattr("conversations.desk.MESSAGES", 2)
    made = [
        MessageFactory(conversation=conversation, text=f"Word {number}.")
        for number in range(3)
    ]
    url = reverse("desk-thread", args=[conversation.uuid])

    newest = desk.get(url).content.decode()
    older = desk.get(url, {"before": made[1].uuid}).content.decode()

    assert f'data-older="{made[1].uuid}"' in newest
    assert "Word 0." not in newest
    assert "Word 0." in older
    assert "Word 1." not in older


def test_a_thread_costs_the_same_whatever_its_length(
    desk, conversation, django_assert_max_num_queries
):
    MessageFactory.create_batch(20, conversation=conversation)

    # Session, user, membership, accounts, conversation and three that go with it,
    # messages, deliveries.
    with django_assert_max_num_queries(11):
        desk.get(reverse("desk-thread", args=[conversation.uuid]))


@pytest.mark.parametrize("name", READS)
def test_a_conversation_is_read_with_get_alone(desk, conversation, name):
    url = reverse(name, args=[conversation.uuid])

    assert desk.get(url).status_code == 200
    assert desk.post(url).status_code == 405


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_is_a_post_alone(desk, conversation, name):
    assert desk.get(reverse(name, args=[conversation.uuid])).status_code == 405


@pytest.mark.parametrize("name", [*READS, *ACTIONS])
def test_a_conversation_needs_sign_in(client, conversation, name):
    url = reverse(name, args=[conversation.uuid])

    response = client.post(url) if name in ACTIONS else client.get(url)

    assert response.status_code == 302
    assert response["Location"] == f"/login/?next={url}"


@pytest.mark.parametrize("name", [*READS, *ACTIONS])
def test_a_conversation_of_another_account_is_not_there(
    client, conversation, charlie, name
):
    client.force_login(charlie)
    url = reverse(name, args=[conversation.uuid])

    response = (
        client.post(url, ACTIONS.get(name)) if name in ACTIONS else client.get(url)
    )

    conversation.refresh_from_db()
    assert response.status_code == 404
    assert conversation.status == Conversation.Status.ACTIVE
    assert conversation.messages.count() == 0


@pytest.mark.parametrize("name", [*READS, *ACTIONS])
def test_an_unknown_conversation_is_not_there(desk, channel, name):
    url = reverse(name, args=[uuid.uuid4()])

    response = desk.post(url, ACTIONS.get(name)) if name in ACTIONS else desk.get(url)

    assert response.status_code == 404


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_needs_its_token(conversation, bob, name):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob)

    response = browser.post(reverse(name, args=[conversation.uuid]), ACTIONS[name])

    assert response.status_code == 403


def test_take_over_gives_the_conversation_to_the_person(desk, conversation, bob):
    response = desk.post(reverse("desk-take-over", args=[conversation.uuid]))

    conversation.refresh_from_db()
    assert response["Location"] == f"/desk/{conversation.uuid}/"
    assert conversation.status == Conversation.Status.SUPPORT_ACTIVE
    assert conversation.assigned_to == bob
    assert conversation.epoch == 1


def test_a_reply_takes_over_and_is_stored(desk, conversation, bob):
    response = desk.post(
        reverse("desk-reply", args=[conversation.uuid]), {"text": "Here I am."}
    )

    message = conversation.messages.get()
    conversation.refresh_from_db()
    assert response.status_code == 302
    assert (message.author, message.user, message.text) == (
        Message.Author.SUPPORT,
        bob,
        "Here I am.",
    )
    assert conversation.status == Conversation.Status.SUPPORT_ACTIVE


@pytest.mark.parametrize(
    "text", ["", "   ", "x" * 10_001], ids=["none", "blank", "long"]
)
def test_a_reply_without_proper_words_is_refused(desk, conversation, text):
    response = desk.post(
        reverse("desk-reply", args=[conversation.uuid]), {"text": text}
    )

    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/plain")
    assert conversation.messages.count() == 0


def test_hand_back_returns_the_conversation(desk, channel, bob):
    conversation = ConversationFactory(
        channel=channel, status="support_active", assigned_to=bob
    )

    desk.post(reverse("desk-hand-back", args=[conversation.uuid]))

    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.ACTIVE
    assert conversation.assigned_to is None


def test_close_ends_the_conversation(desk, conversation):
    desk.post(reverse("desk-close", args=[conversation.uuid]))

    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.CLOSED


def test_a_part_is_answered_with_a_part(desk, conversation):
    response = desk.post(
        reverse("desk-take-over", args=[conversation.uuid]), headers={"X-Partial": "1"}
    )

    page = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in page
    assert "Hand back" in page


def test_reading_clears_the_badge(desk, channel):
    conversation = ConversationFactory(channel=channel, unread=3)

    response = desk.post(reverse("desk-read", args=[conversation.uuid]))

    conversation.refresh_from_db()
    assert response.status_code == 204
    assert conversation.unread == 0
