"""Chatwoot's whole way over real sockets: its stand-in, a mail server, a model server."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ai_model.models import Assistant, Turn
from ai_model.tests.loopback import ModelServer, answer
from ai_model.tests.test_answering import drafted
from ai_model.tests.test_attachments import JPEG
from ai_model.why import explain
from conversations.models import Message
from core.tests.asgi import call_json
from core.tests.network import eventually
from integrations.rehearsal.chatwoot import ChatwootServer, signed
from integrations.tests.chatwoot import CREDENTIALS
from integrations.tests.factories import ChatwootChannelFactory
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.models import Channel

ADDRESS = "bat@example.mn"


@pytest.fixture
def chatwoot_server() -> Iterator[ChatwootServer]:
    with ChatwootServer() as server:
        yield server


@pytest.fixture
def connected(
    engine: Any, account: Any, chatwoot_server: ChatwootServer, settings: Any
) -> Channel:
    """A channel that is connected to the stand-in, both ways."""
    settings.CHATWOOT_BASE_URL = chatwoot_server.url
    channel: Channel = ChatwootChannelFactory(
        account=account, credentials={**CREDENTIALS, "base_url": chatwoot_server.url}
    )

    # One inbox has one loop.
    lock = threading.Lock()

    def post(event: Any) -> None:
        body, headers = signed(event)
        names = {name.lower(): value for name, value in headers.items()}
        with lock:
            taken = call_json(channel.webhook_path, json.loads(body), headers=names)
        assert taken.status == 200

    chatwoot_server.account.on_event = post
    EntryFactory(
        account=account,
        title="How long does delivery take?",
        body="Delivery takes three working days.",
    )
    return channel


def said(chatwoot: ChatwootServer, number: int) -> list[str]:
    return [each["content"] for each in chatwoot.account.said_by_bot(number)]


def test_a_customer_of_chatwoots_verifies_an_address_and_is_answered(
    connected: Channel,
    chatwoot_server: ChatwootServer,
    mailbox: Any,
    client: Any,
    settings: Any,
) -> None:
    settings.PUBLIC_URL = "https://desk.example"
    settings.DEFAULT_FROM_EMAIL = "shop@example.mn"
    connected.verifies_email = True
    connected.save()
    visitor = chatwoot_server.account

    asked = visitor.customer_writes("How long does delivery take?")
    number = asked["conversation_id"]
    eventually(lambda: len(said(chatwoot_server, number)) == 1)
    visitor.customer_writes(ADDRESS, number)
    letter = eventually(lambda: mailbox.messages and mailbox.messages[0])
    link = re.search(
        r"https://desk\.example(/verify/\S+)",
        letter.get_body(("plain",)).get_content(),
    )
    assert link is not None
    # The letter may be there before we have said so.
    eventually(lambda: len(said(chatwoot_server, number)) == 2)
    page = client.post(link[1])
    eventually(lambda: "three working days" in " ".join(said(chatwoot_server, number)))

    assert page.status_code == 200
    first, second, third, *_ = said(chatwoot_server, number)
    assert "correct e-mail address" in first
    assert "link" in second
    assert "verified" in third
    row = chatwoot_server.account.conversations[number]
    eventually(lambda: row["custom_attributes"].get("email_verified"))
    contact = row["meta"]["sender"]["id"]
    assert row["custom_attributes"][f"verified_contact_{contact}"]
    assert mailbox.recipients == [[ADDRESS]]


def test_a_picture_from_chatwoot_is_read_answered_and_explained(
    connected: Channel, chatwoot_server: ChatwootServer, account: Any, settings: Any
) -> None:
    Assistant.objects.create(account=account, chain=["gemini", "local"])
    picture = chatwoot_server.keep("parcel.jpg", JPEG)
    with ModelServer() as models:
        settings.GEMINI_API_KEY, settings.GEMINI_BASE_URL = "key-1", models.url
        shown = json.dumps({"text": "How long does delivery take?"})
        models.script(answer(text=shown), answer(text=drafted()))
        asked = chatwoot_server.account.customer_writes(None, files=[picture])
        eventually(lambda: said(chatwoot_server, asked["conversation_id"]))

    (reply,) = said(chatwoot_server, asked["conversation_id"])
    assert reply.endswith("It takes three days.")
    turn = Turn.objects.get()
    by = "gemini gemini-3.5-flash-lite"
    assert turn.attachments == [{"kind": "image", "outcome": "read", "by": by}]
    # Both calls: to read it, and to write the answer.
    assert turn.tokens_in == 2 * 900
    assert turn.cost
    question = Message.objects.get(author="contact")
    assert f"Attachment (image): put into words by {by}." in explain(question).lines
    kept = json.dumps(question.attachments)
    assert picture["data_url"] in kept, "only where it is, not what it is"
