"""Chatwoot: who said what, whose hands it is in, and what we send."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.exceptions import (
    ConversationGone,
    CredentialsRefused,
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.adapters.base import ChannelFacts, Outbound, WebhookRequest
from integrations.adapters.chatwoot import ChatwootAdapter
from integrations.adapters.inbound import InboundMessage, InboundTurnover, Turnover
from integrations.tests.adapters.cases import CASES, PAYLOADS, payload, signed_headers
from integrations.tests.chatwoot import URL, Rehearsal

FACTS = CASES["chatwoot"].facts
ADAPTER = ChatwootAdapter(FACTS)


def with_credentials(**changes: str) -> ChatwootAdapter:
    facts = CASES["chatwoot"].facts
    return ChatwootAdapter(
        ChannelFacts(
            id=facts.id,
            uuid=facts.uuid,
            account_id=facts.account_id,
            provider=facts.provider,
            key=facts.key,
            credentials={**facts.credentials, **changes},
        )
    )


def read(name: str, **changes: Any) -> Any:
    """What the adapter makes of a recorded event; None: it is not even kept."""
    event = {**payload("chatwoot", name), **changes}
    body = json.dumps(event).encode()
    request = WebhookRequest(headers={}, query={}, body=body)
    return ADAPTER.parse(event) if ADAPTER.delivery_key(request, event) else None


def outbound(kind: Any = "text", text: str = "Three days.") -> Outbound:
    return Outbound(
        kind=kind, reference="ref-1", address={"conversation": "418"}, text=text
    )


def send(adapter: ChatwootAdapter, what: Outbound) -> str:
    return asyncio.run(adapter.send(what))


def test_the_published_test_vector_is_genuine(monkeypatch: Any) -> None:
    adapter = with_credentials(webhook_secret="test-secret-do-not-use")
    body = b'{"event":"message_created","id":90412}'
    digest = "966be8d8c0325832eb4920aa6088a83d4c61811c9086672ab7ef0bd711c7b23e"
    headers = {
        "x-chatwoot-timestamp": "1795248843",
        "x-chatwoot-signature": f"sha256={digest}",
    }
    monkeypatch.setattr(time, "time", lambda: 1795248843.0)

    adapter.verify(WebhookRequest(headers=headers, query={}, body=body))
    with pytest.raises(InvalidSignature):
        adapter.verify(WebhookRequest(headers=headers, query={}, body=body + b" "))


@pytest.mark.parametrize(
    ("age_s", "is_good"),
    [(0, True), (290, True), (-290, True), (310, False), (-310, False)],
    ids=["now", "old", "fast clock", "too old", "from the future"],
)
def test_a_signature_holds_for_five_minutes(age_s: float, is_good: bool) -> None:
    body = b"{}"
    headers = signed_headers(
        body, FACTS.credentials["webhook_secret"], time.time() - age_s
    )
    request = WebhookRequest(headers=headers, query={}, body=body)

    if is_good:
        ADAPTER.verify(request)
    else:
        with pytest.raises(InvalidSignature, match="old or new"):
            ADAPTER.verify(request)


def test_without_a_secret_the_address_is_the_key() -> None:
    adapter = with_credentials(webhook_secret="")

    adapter.verify(WebhookRequest(headers={}, query={}, body=b"{}"))
    with pytest.raises(InvalidSignature):
        adapter.verify(
            WebhookRequest(headers={}, query={}, body=b"{}", is_addressed=False)
        )


def test_with_a_secret_unsigned_is_never_good_enough() -> None:
    with pytest.raises(InvalidSignature):
        ADAPTER.verify(WebhookRequest(headers={}, query={}, body=b"{}"))


def test_a_customer_writes() -> None:
    assert read("message_created") == [
        InboundMessage(
            conversation_id="418",
            contact_id="771",
            external_id="90412",
            text="Where is my parcel?",
            contact_name="Bat",
            contact_email="bat@example.mn",
            address={"conversation": "418", "channel": "Channel::WebWidget"},
        )
    ]


def test_an_attachment_alone_is_a_message_without_words() -> None:
    (found,) = read("message_created_attachment")

    assert (found.author, found.text) == ("contact", "")
    (attachment,) = found.attachments
    assert attachment.kind == "image"
    assert attachment.url.startswith("https://")


@pytest.mark.parametrize(
    "name", ["message_created_by_person", "message_created_echo"], ids=["desk", "phone"]
)
def test_a_person_replies(name: str) -> None:
    (found,) = read(name)

    assert found.author == "support"
    assert found.contact_id == "771"


@pytest.mark.parametrize(
    "name",
    [
        "message_created_by_bot",
        "message_created_by_user_token",
        "message_created_by_other_bot",
        "message_created_by_automation",
        "message_created_by_campaign",
        "message_created_private",
        "message_created_template",
    ],
)
def test_what_neither_customer_nor_person_said_changes_nothing(name: str) -> None:
    assert read(name) == []


@pytest.mark.parametrize(
    ("name", "turnover"),
    [
        ("conversation_status_changed_open", Turnover.TO_SUPPORT),
        ("conversation_status_changed_pending", Turnover.TO_ASSISTANT),
        ("conversation_status_changed_resolved", Turnover.CLOSED),
        ("conversation_status_changed_snoozed", Turnover.TO_SUPPORT),
        ("conversation_updated_assigned", Turnover.TO_SUPPORT),
    ],
)
def test_a_thread_changes_hands(name: str, turnover: Turnover) -> None:
    is_persons = name == "conversation_updated_assigned"
    assert read(name) == [InboundTurnover("418", turnover, is_persons=is_persons)]


def test_other_changes_leave_it_where_it_is() -> None:
    assert read("conversation_updated_labels") == []


@pytest.mark.parametrize(
    "name",
    [
        "message_updated", "conversation_opened", "conversation_resolved",
        "conversation_created", "conversation_typing_on", "conversation_typing_off",
        "contact_created", "contact_updated", "inbox_created", "inbox_updated",
        "webwidget_triggered",
    ],
)  # fmt: skip
def test_events_that_say_nothing_new_are_not_kept(name: str) -> None:
    assert read(name) is None


def test_every_recorded_event_is_spoken_of_here() -> None:
    source = Path(__file__).read_text("utf-8")
    names = [path.stem for path in (PAYLOADS / "chatwoot").glob("*.json")]

    assert [name for name in names if f'"{name}"' not in source] == []


def test_another_inbox_is_not_ours() -> None:
    assert read("message_created", inbox={"id": 13}) is None
    assert read("conversation_status_changed_open", inbox_id=13) is None


def test_without_an_inbox_number_every_inbox_is_ours() -> None:
    adapter = with_credentials(inbox_id="")
    event = payload("chatwoot", "message_created")
    event["inbox"] = {"id": 13}

    request = WebhookRequest(headers={}, query={}, body=b"{}")
    assert adapter.delivery_key(request, event) == "message_created:90412"


@pytest.mark.parametrize("value", [None, True, [], {}, "", "a b", "\x00", 1.5])
def test_a_message_without_an_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidPayload):
        read("message_created", id=value)


def test_a_reply_leaves_with_the_bots_token_and_our_reference(network: Any) -> None:
    network.answer({"id": 900})

    assert send(ADAPTER, outbound()) == "900"

    (request,) = network.requests
    assert request.method == "POST"
    assert str(request.url) == (
        "https://chatwoot.example/api/v1/accounts/3/conversations/418/messages"
    )
    assert request.headers["api-access-token"] == "bot-token"
    assert network.bodies() == [
        {
            "content": "Three days.",
            "message_type": "outgoing",
            "private": False,
            "content_type": "text",
            "content_attributes": {"reference": "ref-1"},
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{{contact.email}}", "{{{contact.email}}}", "{{{{x}}}}", "{% if x %}",
        "{{% x %}}", "{{ {{ a }} }}",
    ],
)  # fmt: skip
def test_templates_never_reach_chatwoot(network: Any, text: str) -> None:
    send(ADAPTER, outbound(text=text))

    content = network.bodies()[0]["content"]
    assert "{{" not in content
    assert "{%" not in content
    assert content.replace("\u200b", "") == text


def test_a_handoff_opens_the_thread_and_leaves_a_note(network: Any) -> None:
    network.answer(
        {"status": "pending"},
        {"payload": {"success": None, "current_status": "open"}},
        {"id": 901},
    )

    assert send(ADAPTER, outbound("hand_off", "low_confidence")) == "901"

    status, note = network.bodies()
    assert status == {"status": "open"}
    assert note["private"] is True
    assert note["content"] == "Handed over: low_confidence"


def test_a_hand_back_makes_the_thread_ours_again(network: Any) -> None:
    assert send(ADAPTER, outbound("hand_back", "")) == ""

    assert network.requests[1].url.path.endswith("/418/toggle_status")
    assert network.bodies() == [{"status": "pending"}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (401, CredentialsRefused),
        (404, ConversationGone),
        (422, PermanentProviderError),
        (httpx2.Response(422, text="Too many messages"), TemporaryProviderError),
        (httpx2.Response(401, text="not authorized for bots"), PermanentProviderError),
        (429, TemporaryProviderError),
        (500, TemporaryProviderError),
        (httpx2.ConnectError("no"), TemporaryProviderError),
        (httpx2.ReadTimeout("slow"), UncertainProviderError),
        (504, UncertainProviderError),
        (httpx2.Response(200, text="<html>"), UncertainProviderError),
    ],
    ids=str,
)
def test_a_reply_that_fails_says_how(network: Any, answer: Any, error: Any) -> None:
    network.answer(answer)

    with pytest.raises(error) as caught:
        send(ADAPTER, outbound())

    assert type(caught.value) is error


def test_setting_a_status_twice_does_no_harm_so_it_is_never_in_doubt(
    network: Any,
) -> None:
    network.answer(httpx2.ReadTimeout("slow"))

    with pytest.raises(TemporaryProviderError) as caught:
        send(ADAPTER, outbound("hand_off", "note"))

    assert type(caught.value) is TemporaryProviderError


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([], None),
        ([{"id": 1}, {"id": 2, "content_attributes": None}], None),
        ([{"id": 3, "content_attributes": {"reference": "other"}}], None),
        ([{"id": 1}, {"id": 4, "content_attributes": {"reference": "ref-1"}}], "4"),
    ],
    ids=["none", "without", "other", "there"],
)
def test_an_earlier_attempt_is_found_by_our_reference(
    network: Any, messages: list[Any], found: str | None
) -> None:
    network.answer({"meta": {}, "payload": messages})

    assert asyncio.run(ADAPTER.find_sent(outbound())) == found

    assert network.requests[0].method == "GET"
    assert network.requests[0].headers["api-access-token"] == "user-token"


def test_only_with_a_users_token_can_we_look() -> None:
    assert ADAPTER.can_look()
    assert not with_credentials(user_token="").can_look()


def test_an_address_on_this_network_is_refused_unless_the_operator_set_it(
    settings: Any, network: Any
) -> None:
    adapter = with_credentials(base_url="http://127.0.0.1:3000")

    with pytest.raises(PermanentProviderError, match=r"."):
        send(adapter, outbound())
    settings.CHATWOOT_BASE_URL = "http://127.0.0.1:3000"
    send(adapter, outbound())

    assert len(network.requests) == 1


def test_files_may_be_on_this_network_only_where_the_operator_set_the_address(
    settings: Any,
) -> None:
    adapter = Rehearsal().adapter()

    settings.CHATWOOT_BASE_URL = ""
    assert not adapter.vouches_for(f"{URL}/rails/active_storage/1.jpg")
    settings.CHATWOOT_BASE_URL = URL
    assert adapter.vouches_for(f"{URL}/rails/active_storage/1.jpg")
    assert not adapter.vouches_for(f"{URL}.evil.example/1.jpg")
    assert not adapter.vouches_for("http://169.254.169.254/latest/meta-data")
