"""Whose a thread of a page is, where several apps share it."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from conversations import delivery, intake, services
from conversations.models import Conversation, Delivery, Message
from conversations.tests.acting import commit, say
from core import http
from core.exceptions import CredentialsRefused, ThreadTaken
from core.tests.network import eventually
from integrations import adapters
from integrations.adapters.base import Outbound
from integrations.adapters.inbound import InboundTurnover, Turnover
from integrations.facts import facts_of
from integrations.rehearsal.meta import MetaServer
from integrations.tests.adapters.cases import CASES, payload
from integrations.tests.factories import META, ChannelFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The inbox of pages, where people reply.
INBOX = "263902037430900"
ADDRESS = {"to": "9001", "at": time.time()}


@pytest.fixture
def meta(settings: Any) -> Iterator[MetaServer]:
    with MetaServer("messenger") as server:
        settings.META_GRAPH_BASE_URL = server.url
        server.has_routing = True
        yield server


def adapter_of(**credentials: str) -> Any:
    facts = CASES["messenger"].facts
    known = {**facts.credentials, "inbox_app_id": INBOX, **credentials}
    return adapters.get("messenger")(dataclasses.replace(facts, credentials=known))


def outbound(kind: Any, **how: Any) -> Outbound:
    return Outbound(kind=kind, reference="r", address=ADDRESS, text="Hi.", **how)


def send(what: Outbound, **credentials: str) -> str:
    return str(http.run(adapter_of(**credentials).send(what)))


def verbs(meta: MetaServer) -> list[str]:
    return [verb for verb, _ in meta.controls]


def test_a_handoff_passes_the_thread_and_a_handback_takes_it(meta: MetaServer) -> None:
    send(outbound("hand_off", context={"reason": "asked_for_person"}))
    assert meta.owners == {"9001": INBOX}

    send(outbound("hand_back"))

    assert meta.owners == {}
    assert verbs(meta) == ["pass", "take"]


@pytest.mark.parametrize("reason", ["taken_over", "person_replied"])
def test_who_replies_on_our_desk_keeps_the_thread(
    meta: MetaServer, reason: str
) -> None:
    send(outbound("hand_off", context={"reason": reason}))

    assert verbs(meta) == []


def test_who_replies_on_our_desk_later_takes_it_back(meta: MetaServer) -> None:
    meta.owners["9001"] = INBOX

    assert send(outbound("text", is_by_person=True)) == "m_sent_1"

    assert verbs(meta) == ["take"]
    meta.owners["9001"] = INBOX
    with pytest.raises(ThreadTaken):
        send(outbound("text"))


def test_who_may_not_take_asks(meta: MetaServer) -> None:
    meta.is_first_app = False

    send(outbound("hand_back"))

    assert verbs(meta) == ["take", "request"]


def test_a_page_without_routing_is_ours_all_along(meta: MetaServer) -> None:
    meta.has_routing = False

    for kind in ("hand_off", "hand_back"):
        assert send(outbound(kind)) == ""

    assert verbs(meta) == ["pass", "take", "request"]
    with pytest.raises(CredentialsRefused):
        send(outbound("hand_off"), access_token="old")


def test_without_an_app_nothing_is_passed_on(meta: MetaServer) -> None:
    send(outbound("hand_off"), inbox_app_id="")
    send(outbound("hand_back"), inbox_app_id="")

    assert meta.controls == []


def test_the_app_asks_for_the_thread() -> None:
    asked = payload("messenger", "control_requested")

    assert adapter_of().parse(asked) == [
        InboundTurnover("9001", Turnover.TO_SUPPORT, is_persons=True)
    ]
    assert adapter_of(inbox_app_id="1").parse(asked) == []


@pytest.fixture
def messenger(account: Any, meta: MetaServer) -> Any:
    known = {**META["messenger"], "inbox_app_id": INBOX}
    return ChannelFactory(account=account, provider="messenger", credentials=known)


@pytest.mark.django_db
def test_who_asks_for_the_thread_gets_it(messenger: Any, meta: MetaServer) -> None:
    say(messenger, "How long?", thread="9001", address=ADDRESS)

    (news,) = adapter_of().parse(payload("messenger", "control_requested"))
    intake.receive([(facts_of(messenger), news)])

    row = Conversation.objects.get()
    assert (row.status, row.needs_person) == ("support_active", False)
    (part,) = delivery.claim(1, 10)
    http.run(part.adapter.send(part.outbound))
    assert meta.owners == {"9001": INBOX}
    services.hand_back(conversation=row, reason="handed_back")
    assert Delivery.objects.latest("id").kind == "hand_back"


@pytest.mark.django_db(transaction=True)
def test_the_assistant_is_silent_where_another_app_has_the_thread(
    messenger: Any, meta: MetaServer, engine: Any
) -> None:
    meta.owners["9001"] = INBOX
    with transaction.atomic():  # before the engine sees that words wait
        say(messenger, "How long?", thread="9001", address=ADDRESS)
        Conversation.objects.update(due_at=None)
    commit(Conversation.objects.get())

    engine.wake("deliver")
    eventually(lambda: Message.objects.filter(state="withheld").exists())

    row = Conversation.objects.get()
    assert (row.status, row.status_reason) == ("support_active", "person_acted")
    assert not row.needs_person
    assert meta.texts == ["Three days."]
    assert Delivery.objects.get().state == "withheld"
