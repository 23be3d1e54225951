from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone

from conversations.admin import MessageAdmin
from conversations.models import Conversation, Delivery, Message
from conversations.tests.factories import MessageFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

LIST = "admin:conversations_conversation_changelist"


def test_hand_off_and_hand_back_go_through_the_services(
    client: Client, alice: User, conversation: Conversation
) -> None:
    client.force_login(alice)
    values = {"_selected_action": [conversation.pk]}

    client.post(reverse(LIST), {"action": "hand_off", "confirmed": "yes", **values})
    conversation.refresh_from_db()
    taken = (conversation.status, conversation.assigned_to, conversation.epoch)
    client.post(reverse(LIST), {"action": "hand_back", "confirmed": "yes", **values})
    conversation.refresh_from_db()

    assert taken == (Conversation.Status.SUPPORT_ACTIVE, alice, 1)
    assert (conversation.status, conversation.epoch) == (Conversation.Status.ACTIVE, 2)


def test_a_conversations_page_shows_what_was_said_as_text(
    client: Client, alice: User, conversation: Conversation
) -> None:
    MessageFactory(conversation=conversation, text="<script>alert(1)</script>")
    client.force_login(alice)

    html = client.get(
        reverse("admin:conversations_conversation_change", args=[conversation.pk])
    ).content.decode()

    assert "&lt;script&gt;alert(1)" in html
    assert f"?conversation__id__exact={conversation.pk}" in html


def test_the_messages_of_one_conversation_can_be_listed(
    client: Client, alice: User, conversation: Conversation
) -> None:
    MessageFactory(conversation=conversation)
    client.force_login(alice)

    response = client.get(
        reverse("admin:conversations_message_changelist"),
        {"conversation__id__exact": conversation.pk},
    )

    assert response.context["cl"].result_count == 1


def test_a_failed_delivery_is_sent_again_and_another_is_not(
    client: Client, alice: User, conversation: Conversation
) -> None:
    message = MessageFactory(
        conversation=conversation, author="assistant", state=Message.State.FAILED
    )
    failed, sent = (
        Delivery.objects.create(
            account=conversation.account,
            conversation=conversation,
            message=message,
            part=part,
            text="Hello",
            state=state,
            due_at=timezone.now(),
        )
        for part, state in enumerate([Delivery.State.FAILED, Delivery.State.SENT])
    )
    client.force_login(alice)

    response = client.post(
        reverse("admin:conversations_delivery_changelist"),
        {
            "action": "retry",
            "confirmed": "yes",
            "_selected_action": [failed.pk, sent.pk],
        },
        follow=True,
    )

    failed.refresh_from_db()
    sent.refresh_from_db()
    assert (failed.state, sent.state) == (Delivery.State.WAITING, Delivery.State.SENT)
    assert "Only a delivery that has failed" in response.content.decode()


def test_a_search_reads_no_more_than_the_newest_messages(
    client: Client, alice: User, conversation: Conversation, monkeypatch: Any
) -> None:
    for _ in range(3):
        MessageFactory(conversation=conversation, text="the same words")
    monkeypatch.setattr(MessageAdmin, "searches_newest", 2)
    client.force_login(alice)
    address = reverse("admin:conversations_message_changelist")

    found = client.get(address, {"q": "words"}).context["cl"].result_count
    listed = client.get(address).context["cl"].result_count

    assert (found, listed) == (2, 3)


def test_a_conversation_is_closed_after_the_page_that_says_so(
    client: Client, alice: User, conversation: Conversation
) -> None:
    client.force_login(alice)
    values = {"action": "close", "_selected_action": [conversation.pk]}

    asked = client.post(reverse(LIST), values)
    conversation.refresh_from_db()
    before = conversation.status
    client.post(reverse(LIST), {**values, "confirmed": "yes"})

    conversation.refresh_from_db()
    assert "not answered any more" in asked.content.decode()
    assert (before, conversation.status) == ("active", "closed")
