"""Instagram, Messenger, WhatsApp: what arrives means, what we send, what is refused."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core import http
from core.exceptions import (
    ConversationGone,
    CredentialsRefused,
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
    ReplyWindowClosed,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations import adapters
from integrations.adapters.base import Outbound, WebhookRequest
from integrations.adapters.inbound import (
    Attachment,
    InboundDeletion,
    InboundEdit,
    InboundErasure,
    InboundMessage,
    InboundRating,
    InboundReport,
    InboundTurnover,
    Turnover,
)
from integrations.rehearsal.meta import APP_SECRET, MetaServer
from integrations.tests.adapters.cases import (
    CASES,
    PAYLOADS,
    deletion,
    meta_signature,
    payload,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS = ["instagram", "messenger", "whatsapp"]
BOTH = pytest.mark.parametrize("provider", ["instagram", "messenger"])
ALL = pytest.mark.parametrize("provider", PROVIDERS)
REFERENCE = "0b7f3f0c-1d55-4b59-8a6d-2f6e9d2f4a11"
PERSON = {"instagram": "9001", "messenger": "9001", "whatsapp": "97699112233"}
HOUR = 3600


def adapter_of(provider: str, **credentials: str) -> Any:
    facts = CASES[provider].facts
    known = {**facts.credentials, **credentials}
    return adapters.get(provider)(dataclasses.replace(facts, credentials=known))


def read(provider: str, name: str) -> Any:
    """What the adapter makes of an event; None: it is not even kept."""
    adapter, body = adapter_of(provider), payload(provider, name)
    request = WebhookRequest(headers={}, query={}, body=json.dumps(body).encode())
    return adapter.parse(body) if adapter.delivery_key(request, body) else None


@pytest.fixture
def meta(request: Any, settings: Any, provider: str) -> Iterator[MetaServer]:
    with MetaServer(provider) as server:  # type: ignore[arg-type]
        settings.META_GRAPH_BASE_URL = server.url
        yield server


def outbound(text: str = "Three days.", *, age_s: float = 60, **how: Any) -> Outbound:
    address = {"to": "9001", "at": time.time() - age_s, "message": "wamid.in1"}
    return Outbound(kind="text", reference="ref-1", address=address, text=text, **how)


def send(provider: str, what: Outbound) -> str:
    return str(http.run(adapter_of(provider).send(what)))


def test_every_payload_is_spoken_of_here() -> None:
    source = Path(__file__).read_text("utf-8")
    names = {
        path.stem for each in PROVIDERS for path in (PAYLOADS / each).glob("*.json")
    }

    assert [name for name in sorted(names) if f'"{name}"' not in source] == []


@ALL
def test_the_address_is_confirmed_with_the_bare_challenge(provider: str) -> None:
    adapter = adapter_of(provider)
    asked = {"hub.mode": "subscribe", "hub.challenge": "<b>123"}

    assert adapter.greet({**asked, "hub.verify_token": "verify-me"}) == "<b>123"
    for wrong in ({**asked, "hub.verify_token": "x"}, asked, {}):
        with pytest.raises(InvalidSignature):
            adapter.greet(wrong)
    with pytest.raises(InvalidSignature):
        adapter.greet({"hub.mode": "x", "hub.verify_token": "verify-me"})


def test_the_signature_is_of_the_bytes_as_they_came() -> None:
    adapter = adapter_of("instagram")
    body = b'{"object":"instagram","entry":[{"id":"1","x":"\\u0421"}]}'
    headers = meta_signature(body, APP_SECRET)

    adapter.verify(WebhookRequest(headers=headers, query={}, body=body))
    again = json.dumps(json.loads(body), ensure_ascii=False).encode()
    with pytest.raises(InvalidSignature):
        adapter.verify(WebhookRequest(headers=headers, query={}, body=again))


@BOTH
def test_a_customer_writes(provider: str) -> None:
    assert read(provider, "message") == [
        InboundMessage(
            conversation_id="9001",
            contact_id="9001",
            external_id="m_abc",
            text="Where is my parcel?",
            address={"to": "9001", "at": 1795200000},
        )
    ]


def test_a_customer_writes_on_whatsapp() -> None:
    assert read("whatsapp", "message") == [
        InboundMessage(
            conversation_id="97699112233",
            contact_id="97699112233",
            external_id="wamid.in1",
            text="Where is my parcel?",
            contact_name="Bat",
            profile={"phone": "+97699112233"},
            address={"to": "97699112233", "at": 1795200000, "message": "wamid.in1"},
        )
    ]


@BOTH
def test_all_events_of_a_batch_that_are_ours_are_read(provider: str) -> None:
    found = read(provider, "batch")

    assert [(each.conversation_id, each.text) for each in found] == [
        ("9001", "Hello"),
        ("9001", "Сайн"),
        ("9002", "From another"),
    ]


@BOTH
def test_a_batch_that_is_put_together_anew_is_the_same(provider: str) -> None:
    adapter, body = adapter_of(provider), payload(provider, "batch")
    request = WebhookRequest(headers={}, query={}, body=b"")
    first = adapter.delivery_key(request, body)
    body["entry"].reverse()

    assert adapter.delivery_key(request, body) == first


@ALL
def test_what_a_person_says_in_the_app_comes_as_an_echo(provider: str) -> None:
    (found,) = read(provider, "echo")

    assert (found.author, found.is_echo) == ("support", True)
    assert found.conversation_id == found.contact_id == PERSON[provider]
    assert found.text == "I will look into it."
    assert found.address == {}


FILE = "https://cdn.example"


@pytest.mark.parametrize(
    ("provider", "name", "text", "attachment"),
    [
        ("instagram", "image", "", Attachment("image", f"{FILE}/1.jpg")),
        ("messenger", "voice", "", Attachment("voice", f"{FILE}/1.ogg")),
        ("messenger", "file", "", Attachment("file", f"{FILE}/1.pdf")),
        (
            "whatsapp",
            "sticker",
            "",
            Attachment("image", external_id="904", content_type="image/webp"),
        ),
        (
            "whatsapp",
            "video",
            "See how it rattles.",
            Attachment("video", external_id="905", content_type="video/mp4"),
        ),
        (
            "instagram",
            "story_reply",
            "How much is this?",
            Attachment("image", f"{FILE}/story.jpg", name="story"),
        ),
        (
            "instagram",
            "shared_post",
            "",
            Attachment("file", f"{FILE}/post.jpg", name="New coats"),
        ),
        (
            "whatsapp",
            "image",
            "It came broken.",
            Attachment("image", external_id="901", content_type="image/jpeg"),
        ),
        (
            "whatsapp",
            "voice",
            "",
            Attachment(
                "voice", external_id="902", content_type="audio/ogg; codecs=opus"
            ),
        ),
        (
            "whatsapp",
            "document",
            "",
            Attachment(
                "file",
                external_id="903",
                name="invoice.pdf",
                content_type="application/pdf",
            ),
        ),
    ],
)
def test_what_is_no_text_comes_as_an_attachment(
    provider: str, name: str, text: str, attachment: Attachment
) -> None:
    (found,) = read(provider, name)

    assert (found.text, found.attachments) == (text, (attachment,))


@pytest.mark.parametrize(
    ("provider", "name", "text"),
    [
        ("instagram", "postback", "Opening hours"),
        ("messenger", "quick_reply_words", "Yes"),
        ("instagram", "unsupported", ""),
        ("whatsapp", "unsupported", ""),
        ("whatsapp", "button_words", "Yes"),
        ("whatsapp", "list_reply", "Opening hours"),
        ("whatsapp", "template_button", "Tell me more"),
        ("whatsapp", "contacts", "Saraa +976 8800 1122"),
        ("whatsapp", "location", "State Department Store, 47.9185, 106.9176"),
    ],
)
def test_what_can_be_written_comes_as_words(
    provider: str, name: str, text: str
) -> None:
    (found,) = read(provider, name)

    assert isinstance(found, InboundMessage)
    assert (found.author, found.text, found.attachments) == ("contact", text, ())
    assert found.external_id


@BOTH
def test_words_are_changed_taken_back_and_rated(provider: str) -> None:
    assert read(provider, "edited") == [
        InboundEdit("9001", "m_abc", "Where is my big parcel?")
    ]
    assert read(provider, "deleted") == [InboundDeletion("9001", "m_abc")]
    assert read(provider, "quick_reply_rating") == [
        InboundRating("9001", REFERENCE, is_helpful=True)
    ]
    assert read("whatsapp", "button_rating") == [
        InboundRating("97699112233", REFERENCE, is_helpful=False)
    ]


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        *((each, "reaction") for each in PROVIDERS),
        *((each, "referral") for each in ("instagram", "messenger")),
        ("messenger", "read"),
        ("whatsapp", "system"),
    ],
)
def test_what_asks_for_no_reply_changes_nothing(provider: str, name: str) -> None:
    assert read(provider, name) == []


def test_comments_are_not_even_kept() -> None:
    assert read("instagram", "comment") is None


@pytest.mark.parametrize(
    ("provider", "name", "external_id", "state"),
    [
        ("instagram", "seen", "m_sent_1", "read"),
        ("messenger", "delivered", "m_sent_1", "delivered"),
        ("whatsapp", "status_sent", "wamid.1", "sent"),
        ("whatsapp", "status_delivered", "wamid.1", "delivered"),
        ("whatsapp", "status_read", "wamid.1", "read"),
    ],
)
def test_reports_tell_what_became_of_a_message(
    provider: str, name: str, external_id: str, state: Any
) -> None:
    assert read(provider, name) == [InboundReport(PERSON[provider], external_id, state)]


def test_a_failure_comes_with_its_reason() -> None:
    assert read("whatsapp", "status_failed") == [
        InboundReport(PERSON["whatsapp"], "wamid.1", "failed", "Message Undeliverable.")
    ]
    (late,) = read("whatsapp", "status_late")
    assert late.is_late


def test_while_another_app_has_the_thread_we_only_listen() -> None:
    message, turnover = read("messenger", "standby")

    assert message.text == "Are you there?"
    assert turnover == InboundTurnover("9001", Turnover.TO_SUPPORT)
    assert read("messenger", "control_requested") == []
    assert read("messenger", "control_taken") == [turnover]
    assert read("messenger", "control_passed") == [
        InboundTurnover("9001", Turnover.TO_ASSISTANT)
    ]


@ALL
def test_who_wants_to_be_forgotten_is_and_gets_a_receipt(
    provider: str, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    adapter = adapter_of(provider)
    request = WebhookRequest(headers={}, query={}, body=deletion())

    adapter.verify(request)
    asked = adapter.decode(request.body)

    assert adapter.delivery_key(request, asked) == "deletion:9001:1795200000"
    assert adapter.parse(asked) == [InboundErasure("9001")]
    receipt = adapter.acknowledge(asked)
    assert receipt["url"].startswith(f"https://desk.example/webhooks/{provider}/")
    assert receipt["url"].endswith(f"?deletion={receipt['confirmation_code']}")
    assert "erased" in adapter.greet({"deletion": "x"})


@pytest.mark.parametrize(
    "body", [deletion("wrong"), b"signed_request=", b"signed_request=\xff"]
)
def test_only_meta_can_have_somebody_forgotten(body: bytes) -> None:
    with pytest.raises((InvalidSignature, InvalidPayload)):
        adapter_of("messenger").verify(WebhookRequest(headers={}, query={}, body=body))


@BOTH
def test_a_reply_leaves_within_the_window(meta: MetaServer, provider: str) -> None:
    assert send(provider, outbound()) == "m_sent_1"

    assert meta.sent == [
        {
            "recipient": {"id": "9001"},
            "messaging_type": "RESPONSE",
            "message": {"text": "Three days."},
        }
    ]


@pytest.mark.parametrize("provider", ["whatsapp"])
def test_a_reply_leaves_on_whatsapp(meta: MetaServer, provider: str) -> None:
    assert send(provider, outbound()) == "wamid.1"
    http.run(adapter_of(provider).show_typing(outbound().address))

    (said,) = meta.sent
    assert (said["to"], said["text"]) == ("9001", {"body": "Three days."})
    assert meta.signs[0]["message_id"] == "wamid.in1"


@ALL
def test_the_longest_parts_are_taken(meta: MetaServer, provider: str) -> None:
    text = "Ажлын цаг 9-18. 😀" * 300

    for each in adapter_of(provider).split(text):
        send(provider, outbound(each))

    assert meta.problems == []
    assert "".join(meta.texts).replace(" ", "") == text.replace(" ", "")


@ALL
def test_outside_the_window_nothing_of_the_assistants_leaves(
    meta: MetaServer, provider: str
) -> None:
    with pytest.raises(ReplyWindowClosed):
        send(provider, outbound(age_s=25 * HOUR))

    assert meta.sent == []


@BOTH
def test_a_persons_words_leave_for_seven_days(meta: MetaServer, provider: str) -> None:
    send(provider, outbound(age_s=25 * HOUR, is_by_person=True))

    assert (meta.sent[0]["messaging_type"], meta.sent[0]["tag"]) == (
        "MESSAGE_TAG",
        "HUMAN_AGENT",
    )
    with pytest.raises(ReplyWindowClosed):
        send(provider, outbound(age_s=8 * 24 * HOUR, is_by_person=True))


@pytest.mark.parametrize("provider", ["whatsapp"])
def test_whatsapp_lets_nobody_write_later(meta: MetaServer, provider: str) -> None:
    with pytest.raises(ReplyWindowClosed):
        send(provider, outbound(age_s=25 * HOUR, is_by_person=True))


@ALL
def test_choices_and_thumbs_can_be_pressed(meta: MetaServer, provider: str) -> None:
    send(provider, outbound(choices=("Yes", "No")))
    send(provider, outbound(is_rateable=True))
    send(provider, outbound("Ok. " * 300, is_rateable=True)) if (
        provider == "whatsapp"
    ) else None

    said = json.dumps(meta.sent)
    assert meta.problems == []
    for payload_ in ("say:Yes", "say:No", "helpful:ref-1", "unhelpful:ref-1"):
        assert f'"{payload_}"' in said


@ALL
@pytest.mark.parametrize(
    ("fault", "error", "wait"),
    [
        ("rate", TemporaryProviderError, None),
        ("pair_rate", TemporaryProviderError, 6.0),
        ("window", ReplyWindowClosed, None),
        ("gone", ConversationGone, None),
        ("token", CredentialsRefused, None),
        ("broken", TemporaryProviderError, None),
        ("refused", PermanentProviderError, None),
        ("lost_after", UncertainProviderError, None),
    ],
)
def test_a_reply_that_fails_says_how(
    meta: MetaServer, provider: str, fault: str, error: type, wait: float | None
) -> None:
    meta.faults.append(fault)

    with pytest.raises(error) as caught:
        send(provider, outbound())

    assert type(caught.value) is error
    assert caught.value.retry_after == wait


@BOTH
def test_connecting_learns_the_number_that_webhooks_carry(
    meta: MetaServer, provider: str
) -> None:
    adapter = adapter_of(provider)
    assert not http.run(adapter.is_connected(""))

    learned = http.run(adapter.connect(""))

    name = adapter.identity
    assert learned == {name: adapter.channel.credentials[name]}
    assert http.run(adapter.is_connected(""))


@ALL
def test_the_check_tries_the_token(meta: MetaServer, provider: str) -> None:
    (good,) = http.run(adapter_of(provider).check())
    (bad,) = http.run(adapter_of(provider, access_token="old").check())

    assert good.is_ok
    assert good.detail.lower().startswith("shop")
    assert not bad.is_ok


@pytest.mark.parametrize("provider", ["instagram"])
@pytest.mark.parametrize(
    ("left_s", "is_renewed"),
    [(30 * 24 * HOUR, False), (5 * 24 * HOUR, True), (None, True)],
    ids=["fresh", "ending", "unknown"],
)
def test_a_token_is_renewed_before_it_ends(
    meta: MetaServer, provider: str, left_s: float | None, is_renewed: bool
) -> None:
    ends_at = "" if left_s is None else str(time.time() + left_s)

    renewed = http.run(adapter_of(provider, token_ends_at=ends_at).renew())

    assert bool(renewed) is is_renewed
    if renewed:
        assert renewed["access_token"] == "renewed-token"
        assert float(renewed["token_ends_at"]) > time.time() + 50 * 24 * HOUR


@pytest.mark.parametrize("provider", ["messenger"])
def test_somebody_is_seen_to_write(meta: MetaServer, provider: str) -> None:
    http.run(adapter_of(provider).show_typing(outbound().address))

    assert meta.signs[0]["sender_action"] == "typing_on"
