"""Replies that come after the time in which a provider lets us reply."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from conversations import delivery, intake, outcomes, services
from conversations.models import Conversation, Delivery, Message
from conversations.tests.acting import commit, say
from core import http
from core.exceptions import Conflict, ReplyWindowClosed
from integrations.adapters.inbound import InboundReport
from integrations.adapters.whatsapp_templates import Template
from integrations.facts import facts_of
from integrations.rehearsal.meta import BUSINESS, MetaServer
from integrations.tests.factories import META, ChannelFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

DAY = 24 * 3600
TEMPLATE = Template(
    "reply_later", "en", "Hello {{1}}, about your question: {{2}}"
).with_values(["{name}", "{reply}"])
FIXED = Template("write_again", "mn", "Танд хариу байна. Бидэнд дахин бичээрэй.")


@pytest.fixture
def meta(settings: Any) -> Iterator[MetaServer]:
    with MetaServer("whatsapp") as server:
        settings.META_GRAPH_BASE_URL = server.url
        server.heard["9001"] = time.time() - 2 * DAY
        yield server


@pytest.fixture
def whatsapp(account: Any, meta: MetaServer) -> Any:
    known = {**META["whatsapp"], "business_account_id": BUSINESS}
    return ChannelFactory(account=account, provider="whatsapp", credentials=known)


@pytest.fixture
def late(whatsapp: Any) -> Conversation:
    """Somebody wrote two days ago."""
    at = time.time() - 2 * DAY
    address = {"to": "9001", "at": at, "message": "wamid.in1"}
    say(whatsapp, "How long?", address=address, contact_name="Bat")
    return Conversation.objects.get()


def choose(row: Conversation, template: Template) -> None:
    row.channel.credentials = {**row.channel.credentials, "template": template.dump()}
    row.channel.save()


def work_off() -> None:
    """What the worker does with the parts that are due."""
    for part in delivery.claim(1, 10):
        delivery.start([part.id], 1)
        try:
            sent = http.run(part.adapter.send(part.outbound))
            made = delivery.Outcome(part.id, Delivery.State.SENT, sent, worker=1)
        except ReplyWindowClosed as exc:
            found = outcomes.after_failure(part, exc)
            made = replace(found, worker=1)
        delivery.record([made])


def reply(row: Conversation, user: Any) -> Message:
    message = services.reply(conversation=row, user=user, text="It has arrived.")
    work_off()
    message.refresh_from_db()
    return message


def test_a_late_reply_is_held_back_and_the_desk_says_why(
    client: Any, late: Conversation, bob: Any, meta: MetaServer
) -> None:
    message = reply(late, bob)
    client.force_login(bob)

    page = client.get(reverse("desk-thread", args=[late.uuid])).content.decode()

    assert (message.state, meta.sent) == ("failed", [])
    assert "more than 24 hours ago" in page
    assert "a reply is not delivered" in page
    assert "Send as a template" not in page
    assert "Send again" not in page


def test_it_leaves_as_the_template_that_the_owner_chose(
    client: Any, late: Conversation, bob: Any, meta: MetaServer
) -> None:
    choose(late, TEMPLATE)
    message = reply(late, bob)
    client.force_login(bob)
    page = client.get(reverse("desk-thread", args=[late.uuid])).content.decode()
    url = reverse("desk-template", args=[late.uuid, message.uuid])

    answer = client.post(url, headers={"X-Partial": "1"})
    work_off()

    assert "Send as a template" in page
    assert answer.status_code == 200
    read = "Hello Bat, about your question: It has arrived."
    assert meta.texts == [read]
    message.refresh_from_db()
    assert (message.state, message.reason) == ("withheld", "as_template")
    sent = Message.objects.latest("id")
    assert (sent.text, sent.state, sent.user) == (read, "sent", bob)
    assert "Sent in a template" in answer.content.decode()


def test_what_became_of_the_template_is_told(
    late: Conversation, bob: Any, whatsapp: Any
) -> None:
    choose(late, TEMPLATE)
    services.send_as_template(message=reply(late, bob), user=bob)
    work_off()

    news = InboundReport(late.external_id, "wamid.1", "read")
    intake.receive([(facts_of(whatsapp), news)])

    part = Delivery.objects.latest("id")
    assert (part.kind, part.state) == ("template", "read")


def test_words_that_the_template_does_not_say_still_wait(
    late: Conversation, bob: Any, meta: MetaServer
) -> None:
    choose(late, FIXED)
    message = reply(late, bob)
    services.hand_back(conversation=late, reason="handed_back")

    services.send_as_template(message=message, user=bob)
    work_off()

    message.refresh_from_db()
    late.refresh_from_db()
    assert message.state == "failed"
    assert (late.status, late.assigned_to) == ("support_active", bob)
    assert meta.texts == [FIXED.body]


def test_only_a_persons_late_words_leave_as_a_template(
    late: Conversation, bob: Any, meta: MetaServer
) -> None:
    choose(late, TEMPLATE)
    commit(late, "Three days.")
    work_off()
    answer = Message.objects.get(author="assistant")
    late.refresh_from_db()
    assert (answer.state, late.status_reason) == ("failed", "window_closed")

    with pytest.raises(Conflict):
        services.send_as_template(message=answer, user=bob)

    message = reply(late, bob)
    services.send_as_template(message=message, user=bob)
    with pytest.raises(Conflict):
        services.send_as_template(message=message, user=bob)


def test_a_stranger_cannot_send_it(
    client: Any, late: Conversation, bob: Any, charlie: Any
) -> None:
    message = reply(late, bob)
    url = reverse("desk-template", args=[late.uuid, message.uuid])
    client.force_login(charlie)

    assert client.post(url).status_code == 404
    assert client.get(url).status_code == 405


def test_an_answer_that_the_provider_reports_as_too_late_calls_a_person(
    whatsapp: Any, late: Conversation, meta: MetaServer
) -> None:
    meta.heard["9001"] = time.time()
    late.address = {**late.address, "at": time.time()}
    late.save()
    commit(late)
    work_off()
    assert Message.objects.get(author="assistant").state == "sent"

    news = InboundReport(late.external_id, "wamid.1", "failed", is_late=True)
    intake.receive([(facts_of(whatsapp), news)])

    late.refresh_from_db()
    assert (late.status_reason, late.needs_person) == ("window_closed", True)
    assert late.escalations.get().reason == "window_closed"
