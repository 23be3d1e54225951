"""Kommo's own: calls of bots, what they are told, and how it goes wrong."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from core import rates
from core.exceptions import (
    CredentialsRefused,
    InvalidPayload,
    InvalidSignature,
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.adapters.base import ChannelFacts, Outbound, WebhookRequest
from integrations.adapters.inbound import InboundMessage, Turnover
from integrations.adapters.kommo import KommoAdapter
from integrations.kommo import api, signing
from integrations.rehearsal.kommo import ACCOUNT, CLIENT, HOST, LONG_LIVED, SECRET
from integrations.tests.kommo.test_hosts import HOSTILE

if TYPE_CHECKING:
    from integrations.rehearsal.kommo import KommoServer

CREDENTIALS = {
    "host": HOST,
    "integration_id": CLIENT,
    "secret_key": SECRET,
    "token": LONG_LIVED,
    "account_id": str(ACCOUNT),
}


def adapter(**changes: str) -> KommoAdapter:
    known = {**CREDENTIALS, **changes}
    return KommoAdapter(
        ChannelFacts(
            id=1,
            uuid="2f1f6f0e-6a43-4f3e-9a53-0c4a1d1f0f11",
            account_id=1,
            provider="kommo",
            key="ck",
            credentials={name: each for name, each in known.items() if each},
        )
    )


def request(payload: dict[str, Any], **changes: Any) -> WebhookRequest:
    return WebhookRequest(
        headers={}, query={}, body=json.dumps(payload).encode(), **changes
    )


def read(payload: dict[str, Any], **changes: str) -> InboundMessage:
    (found,) = adapter(**changes).parse(payload)
    assert isinstance(found, InboundMessage)
    return found


def as_form(payload: dict[str, Any]) -> bytes:
    fields = {name: each for name, each in payload.items() if name != "data"}
    fields |= {f"data[{name}]": each for name, each in payload["data"].items()}
    return urlencode(fields).encode()


def outbound(message: InboundMessage, text: str = "Yes.", **changes: Any) -> Outbound:
    values: dict[str, Any] = {"kind": "text", "reference": "r", "text": text}
    return Outbound(**{**values, "address": message.address, **changes})


def send(message: InboundMessage, text: str = "Yes.", **changes: Any) -> str:
    return asyncio.run(adapter().send(outbound(message, text, **changes)))


def test_json_and_a_form_say_the_same(kommo: KommoServer) -> None:
    payload = kommo.call("Сайн байна уу")

    form = adapter().decode(as_form(payload))

    assert form == payload
    assert read(form).text == "Сайн байна уу"


def test_placeholders_that_were_not_filled_are_absent(kommo: KommoServer) -> None:
    payload = kommo.call("{{message_text}}")
    payload["data"] |= {"lead_id": "{{lead.id}}", "contact_id": "{{contact.id}}"}

    found = read(payload, secret_key="")

    assert found.text == ""
    assert found.conversation_id.startswith("bot-")
    assert [each.kind for each in found.attachments] == ["file"]


def test_a_lead_is_a_conversation_and_else_a_contact_is(kommo: KommoServer) -> None:
    payload = kommo.call("Hello", entity_type="")
    assert read(payload).conversation_id == "lead-8812345"
    assert read(payload).contact_id == "contact-5512345"

    payload["data"]["lead_id"] = "{{lead.id}}"

    assert read(payload).conversation_id == "contact-5512345"


def test_the_tokens_word_on_the_lead_stands(kommo: KommoServer) -> None:
    payload = kommo.call("Hello", lead=1)
    payload["data"]["lead_id"] = "2"

    assert read(payload).conversation_id == "lead-1"
    # Of a token that nobody can verify nothing is believed.
    assert read(payload, secret_key="").conversation_id == "lead-2"


@pytest.mark.parametrize(
    "claims",
    [
        {"account_id": 4},
        {"client_uuid": "other"},
        {"iss": "https://other.kommo.com"},
        {"iss": "https://evil.example"},
        {"exp": -120},
        {"exp": None},
        {"exp": True},
        {"nbf": 600},
    ],
    ids=lambda each: str(list(each.items())[0]),
)
def test_a_token_of_somebody_else_or_another_time_is_refused(
    kommo: KommoServer, claims: dict[str, Any]
) -> None:
    now = int(time.time())
    # Numbers are seconds from now; True is none.
    times = {"exp", "nbf"}
    told = {
        name: now + value if name in times and type(value) is int else value
        for name, value in claims.items()
    }

    with pytest.raises(InvalidSignature):
        adapter().verify(request(kommo.call("Hello", **told)))


def test_a_token_that_was_overheard_is_good_for_no_other_words(
    kommo: KommoServer,
) -> None:
    payload = kommo.call("Hello")
    again = {**kommo.call("Forged"), "token": payload["token"]}

    names = {adapter().delivery_key(request(each), each) for each in (payload, again)}

    assert len(names) == 1


def test_both_algorithms_are_good_and_no_other(kommo: KommoServer) -> None:
    payload = kommo.call("Hello")
    claims = signing.claims_of(payload["token"])
    adapter().verify(request(payload))
    adapter().verify(request({**payload, "token": signing.make(claims, SECRET)}))

    _, said, _ = payload["token"].split(".")
    none = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0"
    for token in (f"{none}.{said}.", f"{none}.{said}.x", "", "a.b.c", "a.b", "ö.b.c"):
        with pytest.raises(InvalidSignature):
            adapter().verify(request({**payload, "token": token}))


def test_without_the_secret_the_channels_own_address_is_the_key(
    kommo: KommoServer,
) -> None:
    payload = kommo.call("Hello")
    unsigned = adapter(secret_key="")

    unsigned.verify(request(payload))
    with pytest.raises(InvalidSignature):
        unsigned.verify(request(payload, is_addressed=False))


@pytest.mark.parametrize("missing", ["data", "return_url"])
def test_a_call_that_lacks_its_parts_is_refused(
    kommo: KommoServer, missing: str
) -> None:
    payload = kommo.call("Hello")
    del payload[missing]

    with pytest.raises(InvalidPayload):
        adapter().delivery_key(request(payload), payload)


def test_a_reply_sends_the_bot_on(kommo: KommoServer) -> None:
    message = read(kommo.call("Where is my parcel?"))

    send(message, "It arrives tomorrow. " * 10)

    assert "".join(kommo.seen) == "It arrives tomorrow. " * 10
    assert kommo.went == ["wait"]
    assert kommo.notes == []


def test_a_long_reply_arrives_as_one(kommo: KommoServer) -> None:
    text = "It arrives tomorrow. " * 100

    send(read(kommo.call("Where is my parcel?")), text)

    assert kommo.seen == [text]


def test_the_last_word_before_a_person_ends_the_bot(kommo: KommoServer) -> None:
    message = read(kommo.call("I want a person"))

    send(message, "A colleague will answer.", hands_off=True)
    context = {
        "summary": "I want a person",
        "sources": ["Delivery"],
        "link": "https://a",
    }
    send(message, "asked for a person", kind="hand_off", context=context)

    assert kommo.went == ["handoff"]
    assert kommo.stopped == [8812345]
    (note,) = kommo.notes
    assert "I want a person" in note
    assert "Delivery" in note
    assert "https://a" in note


def test_a_bot_that_went_away_leaves_a_note_for_staff(kommo: KommoServer) -> None:
    message = read(kommo.call("Hello"))
    kommo.waiting.clear()

    with pytest.raises(PermanentProviderError, match="does not wait"):
        send(message, "Your answer")

    assert "Your answer" in kommo.notes[0]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", CredentialsRefused),
        ("403", CredentialsRefused),
        ("429", TemporaryProviderError),
        ("500", TemporaryProviderError),
        ("lost_before", UncertainProviderError),
    ],
)
def test_what_goes_wrong_is_told_apart(
    kommo: KommoServer, fault: str, error: type[Exception]
) -> None:
    kommo.faults.append(fault)

    with pytest.raises(error) as caught:
        send(read(kommo.call("Hello")))

    assert kommo.seen == []
    if fault == "429":
        assert getattr(caught.value, "retry_after", 0) >= 1


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "500", "500_after"])
def test_a_reply_in_doubt_is_seen_once(kommo: KommoServer, fault: str) -> None:
    message = read(kommo.call("Hello"))
    kommo.faults.append(fault)
    with pytest.raises(TemporaryProviderError):
        send(message)

    assert asyncio.run(adapter().find_sent(outbound(message)))

    assert kommo.seen == ["Yes."]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_return_address_is_never_called(
    kommo: KommoServer, network_calls: list[Any], url: str
) -> None:
    payload = {**kommo.call("Hello"), "return_url": url}
    message = read(payload)

    with pytest.raises(PermanentProviderError):
        send(message)

    assert kommo.calls == []
    assert network_calls == []


@pytest.fixture
def network_calls() -> Any:
    """Everything that would leave this house; nothing does."""
    import httpx2

    from core import http

    calls: list[Any] = []

    def take(call: Any) -> Any:
        calls.append(call)
        return httpx2.Response(202)

    with http.use_transport(httpx2.MockTransport(take)):
        yield calls


def test_a_persons_message_in_kommo_is_found_before_ours_leaves(
    kommo: KommoServer,
) -> None:
    message = read(kommo.call("Hello"))

    def holder() -> list[Any]:
        found = asyncio.run(adapter().look(message.conversation_id, message.address))
        return [getattr(each, "turnover", None) for each in found]

    robot = {"entity_id": 8812345, "created_by": 0, "created_at": int(time.time())}
    kommo.events.append(robot)
    assert holder() == []

    kommo.events.append({**robot, "created_by": 77, "created_at": 1})
    assert holder() == []

    kommo.events.append({**robot, "created_by": 77})
    assert holder() == [Turnover.TO_SUPPORT]


def test_checks_say_what_is_wrong_and_how_to_mend_it(kommo: KommoServer) -> None:
    good = asyncio.run(adapter().check())
    assert [each.is_ok for each in good] == [True, True, True]
    assert "Shop (31234567)" in good[0].detail

    kommo.bots.clear()
    bad = asyncio.run(adapter(secret_key="").check())
    assert [each.is_ok for each in bad] == [True, False, False]
    assert all(each.hint for each in bad if not each.is_ok)

    assert not asyncio.run(adapter(host="evil.example").check())[0].is_ok
    assert not asyncio.run(adapter(token="wrong").check())[0].is_ok
    assert not asyncio.run(adapter(account_id="5").check())[0].is_ok


def test_calls_over_the_limit_are_held_back(
    kommo: KommoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LIMIT", (rates.Rate(2, 3600),))
    messages = [read(kommo.call("Hello", lead=number)) for number in range(3)]

    send(messages[0])
    send(messages[1])
    with pytest.raises(TemporaryProviderError) as caught:
        send(messages[2])

    assert len(kommo.calls) == 2
    assert caught.value.retry_after
