"""Our own chat page."""

from __future__ import annotations

from typing import Any

import pytest

from core.exceptions import InvalidPayload
from integrations.adapters.base import WebhookRequest
from integrations.adapters.inbound import InboundMessage
from integrations.adapters.web import MAX_TEXT, WebAdapter
from integrations.tests.adapters.cases import CASES, WEB_KEY

ADAPTER = WebAdapter(CASES["web"].facts)
MESSAGE = CASES["web"].message
REQUEST = WebhookRequest(headers={}, query={}, body=b"")


def key_of(**changes: Any) -> str:
    return ADAPTER.delivery_key(REQUEST, {**MESSAGE, **changes})


def test_the_key_may_come_in_the_address() -> None:
    ADAPTER.verify(WebhookRequest(headers={}, query={"key": WEB_KEY}, body=b""))


def test_a_message_is_read() -> None:
    session = MESSAGE["session_id"]

    assert ADAPTER.parse({**MESSAGE, "name": "Bat"}) == [
        InboundMessage(
            conversation_id=session,
            contact_id=session,
            external_id="m1",
            text="Where is my parcel?",
            contact_name="Bat",
        )
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_id", None),
        ("session_id", 5),
        ("session_id", "short"),
        ("session_id", " " * 30),
        ("session_id", "x" * 201),
        ("session_id", " " * 300 + "x" * 20),
        ("session_id", "x" * 20 + "\x00"),
        ("session_id", "x" * 20 + "\ud800"),
        ("message_id", ""),
        ("message_id", ["a"]),
        ("message_id", "\ud800"),
        ("message_id", "x" * 201),
        ("text", ""),
        ("text", "  \n "),
        ("text", None),
        ("text", "a\x00b"),
        ("text", "x" * (MAX_TEXT + 1)),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidPayload, match=name):
        key_of(**{name: value})


def test_half_of_an_emoji_is_no_reason_to_refuse_a_customer() -> None:
    assert key_of(text="Hello \ud83d")


def test_no_two_messages_share_a_name() -> None:
    """However long the ids are, and whatever they contain."""
    long = "s" * 200
    names = [
        key_of(session_id=long, message_id="1"),
        key_of(session_id=long, message_id="2"),
        key_of(session_id="s" * 20 + ":b", message_id="c"),
        key_of(session_id="s" * 20, message_id="b:c"),
        key_of(session_id="s" * 20, message_id=":bc"),
        key_of(session_id="s" * 20 + ":", message_id="bc"),
    ]

    assert len(set(names)) == len(names)


def test_nothing_is_sent_because_the_page_reads() -> None:
    assert WebAdapter.is_pulled
    assert not WebAdapter.announces_handoff
    assert not ADAPTER.can_look()
