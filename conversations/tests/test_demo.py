"""The webhook, human toggle and agent console of the proof of concept."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from accounts.services import create_token
from conversations import services
from conversations.models import Conversation, Message
from conversations.tests.acting import say
from core.tests.asgi import call, call_json
from integrations.models import Event
from integrations.tests.adapters.cases import payload, signed_headers
from integrations.tests.factories import CHATWOOT_SECRET, ChannelFactory
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)

WEBHOOK, TOGGLE, STATUS = "/webhook/chatwoot", "/toggle-human", "/human-status"
ENTRIES, REPLY = "/agent-console/entries", "/agent-console/reply"
HUMAN = "Human mode is ON. No bot reply generated."


def message(
    text: Any = "How long does delivery take?", **changes: Any
) -> dict[str, Any]:
    return {
        "event": "message_created",
        "id": 1,
        "content": text,
        "message_type": "incoming",
        "content_type": "text",
        **changes,
    }


@pytest.fixture
def knowledge(account: Any) -> None:
    EntryFactory(
        account=account, title="Gift cards", body="They are valid for two years."
    )
    EntryFactory(
        account=account,
        title="How long does delivery take?",
        body="Delivery takes three working days.",
    )


@pytest.fixture
def demo(settings: Any, account: Any, channel: Any) -> Any:
    """An open demo: everybody may play the member of staff."""
    settings.DEMO = True
    account.is_demo = True
    account.save()
    channel.refresh_from_db()
    return channel


def get(path: str, **options: Any) -> Any:
    return call(path, method="GET", **options)


def bearer(token: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {token}"}}


def test_with_human_mode_off_the_bot_replies(
    engine: Any, channel: Any, knowledge: None
) -> None:
    answer = call_json(WEBHOOK, message())

    assert answer.status == 200
    assert set(answer.json) == {"status", "route", "reply"}
    assert (answer.json["status"], answer.json["route"]) == ("ok", "bot")
    assert "three working days" in answer.json["reply"]


def test_with_human_mode_on_nobody_but_a_person_replies(
    engine: Any, demo: Any, knowledge: None
) -> None:
    assert call_json(TOGGLE, {"enabled": True}).json == {"human_mode": True}

    answer = call_json(WEBHOOK, message())

    assert answer.json == {"status": "ok", "route": "human", "message": HUMAN}
    assert not Message.objects.filter(author="assistant").exists()
    assert call_json(TOGGLE, {"enabled": False}).json == {"human_mode": False}
    assert get(STATUS).json == {"human_mode": False}


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "message_updated"},
        {"event": "conversation_created"},
        {"message_type": "outgoing"},
        {"message_type": 0},
        {"event": None},
    ],
    ids=str,
)
def test_other_events_are_ignored(channel: Any, changes: dict[str, Any]) -> None:
    answer = call_json(WEBHOOK, message(**changes))

    assert (answer.status, answer.json) == (200, {"status": "ignored"})
    assert not Message.objects.exists()


@pytest.mark.parametrize("text", [None, "", "  ", 5, ["a"], "x" * 8001])
def test_a_message_without_words_is_refused(channel: Any, text: Any) -> None:
    assert call_json(WEBHOOK, message(text)).status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"conversation": {"id": "thread\x00-of-bat"}},
        {"conversation": {"id": "\ud800"}},
        {"conversation": {"id": {"a": 1}}},
        {"conversation": 5},
        {"sender": {"id": "s"}, "id": {"a": "\x00"}},
        {"sender": {"id": "s"}, "id": "\ud800" * 300},
        {"content": "Hello\x00\ud800"},
    ],
    ids=range(7),
)
def test_odd_values_break_nothing(
    engine: Any, channel: Any, knowledge: None, changes: dict[str, Any]
) -> None:
    assert call_json(WEBHOOK, message(**{"content": "Hello", **changes})).status == 200


def test_a_redelivery_gets_the_same_reply(
    engine: Any, channel: Any, knowledge: None
) -> None:
    sent = message("Hello", conversation={"id": 7})

    first, again = call_json(WEBHOOK, sent), call_json(WEBHOOK, sent)

    assert first.json == again.json
    assert Message.objects.filter(author="contact").count() == 1


def test_who_does_not_say_who_they_are_is_somebody_new(
    engine: Any, channel: Any, knowledge: None
) -> None:
    call_json(WEBHOOK, message("Hello"))
    call_json(WEBHOOK, message("Hello"))

    assert Conversation.objects.count() == 2


def test_with_a_connected_chatwoot_it_acknowledges_at_once(
    channel: Any, chatwoot: Any
) -> None:
    body = json.dumps(payload("chatwoot", "message_created")).encode()
    headers = {
        "content-type": "application/json",
        **signed_headers(body, CHATWOOT_SECRET),
    }

    answer = call(WEBHOOK, body, headers=headers)

    assert (answer.status, answer.json) == (200, {"status": "ok", "route": "bot"})
    assert Event.objects.get().channel == chatwoot


def test_with_a_connected_chatwoot_unsigned_is_refused(
    channel: Any, chatwoot: Any
) -> None:
    assert call_json(WEBHOOK, message()).status == 401
    chatwoot.credentials = {**chatwoot.credentials, "webhook_secret": ""}
    chatwoot.save()
    assert call_json(WEBHOOK, message()).status == 401
    assert not Event.objects.exists()


def test_the_documented_webhook_is_the_inbox_of_the_default_accounts_chatwoot(
    channel: Any, chatwoot: Any
) -> None:
    body = json.dumps(payload("chatwoot", "message_created")).encode()
    headers = {
        "content-type": "application/json",
        **signed_headers(body, CHATWOOT_SECRET),
    }

    answers = [call("/webhook", body, headers=headers) for _ in range(2)]

    assert [each.status for each in answers] == [200, 200]
    assert answers[0].json == {"status": "ok"}
    assert Event.objects.get().channel == chatwoot
    assert call("/webhook", body).status == 401
    assert call("/webhook", b"not JSON", headers=headers).status == 401
    assert call("/webhook", method="GET").status == 405


def test_without_a_chatwoot_the_documented_webhook_says_so(channel: Any) -> None:
    ChannelFactory(provider="chatwoot", credentials={"webhook_secret": "x"})

    answer = call_json("/webhook", message("Hello"))

    assert (answer.status, answer.json["code"]) == (404, "unknown_channel")


def test_another_accounts_chatwoot_is_not_asked(
    engine: Any, channel: Any, knowledge: None
) -> None:
    ChannelFactory(provider="chatwoot", credentials={"webhook_secret": "x"})

    assert "reply" in call_json(WEBHOOK, message("Hello")).json


@pytest.mark.parametrize("path", [WEBHOOK, TOGGLE, STATUS, ENTRIES, REPLY])
def test_without_a_default_channel_there_is_nothing(demo: Any, path: str) -> None:
    demo.delete()
    method = "GET" if path in (STATUS, ENTRIES) else "POST"

    answer = call_json(path, {**message(), "enabled": True}, method=method)

    assert (answer.status, answer.json["code"]) == (404, "unknown_channel")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (WEBHOOK, "POST"),
        (TOGGLE, "POST"),
        (STATUS, "GET"),
        (ENTRIES, "GET"),
        (REPLY, "POST"),
    ],
)
def test_the_wrong_method_is_refused(channel: Any, path: str, allowed: str) -> None:
    for method in {"GET", "POST", "DELETE"} - {allowed}:
        answer = call(path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("value", [None, "true", 1, {}])
def test_a_toggle_is_true_or_false(demo: Any, value: Any) -> None:
    assert call_json(TOGGLE, {"enabled": value}).status == 400


@pytest.mark.parametrize(
    ("path", "method"), [(TOGGLE, "POST"), (ENTRIES, "GET"), (REPLY, "POST")]
)
@pytest.mark.parametrize("is_demo_account", [True, False])
def test_outside_the_demo_staff_pages_need_sign_in(
    channel: Any, account: Any, settings: Any, path: str, method: str,
    is_demo_account: bool,
) -> None:  # fmt: skip
    """Either the installation or the account is no demo."""
    settings.DEMO = not is_demo_account
    account.is_demo = is_demo_account
    account.save()

    answer = call_json(path, {"enabled": True}, method=method)

    assert answer.status == 401
    channel.refresh_from_db()
    assert not channel.human_mode


def test_a_stranger_who_is_signed_in_may_not_act(channel: Any, charlie: Any) -> None:
    account = charlie.memberships.get().account
    token = create_token(user=charlie, account=account)

    assert call_json(TOGGLE, {"enabled": True}, **bearer(token)).status == 403


def test_a_wrong_token_is_refused_even_in_the_demo(demo: Any) -> None:
    assert call_json(TOGGLE, {"enabled": True}, **bearer("wrong")).status == 401


def test_a_member_acts_by_token_or_by_session(
    channel: Any, bob: Any, account: Any
) -> None:
    token = create_token(user=bob, account=account)
    client = Client()
    client.force_login(bob)
    cookie = f"sessionid={client.cookies['sessionid'].value}"

    by_token = call_json(TOGGLE, {"enabled": True}, **bearer(token))
    by_session = call_json(TOGGLE, {"enabled": False}, headers={"cookie": cookie})

    assert by_token.json == {"human_mode": True}
    assert by_session.json == {"human_mode": False}


def test_the_console_shows_what_waits_for_people_and_sends_the_reply(demo: Any) -> None:
    services.set_human_mode(channel=demo, is_on=True)
    say(demo, "Is anybody there?")
    (entry,) = get(ENTRIES).json["entries"]
    assert entry["text"] == "Is anybody there?"
    assert entry["user_id"].startswith("user-")

    answer = call_json(REPLY, {"conversation": entry["conversation"], "text": "Yes!"})

    assert answer.status == 200
    reply = Message.objects.get(author="support")
    assert (reply.text, reply.user) == ("Yes!", None)
    assert answer.json == {"id": str(reply.uuid)}


def test_the_console_shows_its_own_channel_only(demo: Any) -> None:
    other = ChannelFactory(human_mode=True)
    say(other, "not for this console")
    conversation = Conversation.objects.get()

    assert get(ENTRIES).json == {"entries": []}
    answer = call_json(REPLY, {"conversation": str(conversation.uuid), "text": "Hi"})
    assert answer.status == 404


@pytest.mark.parametrize(
    "sent",
    [
        {"conversation": "x", "text": "Hi"},
        {"text": "Hi"},
        {"conversation": None, "text": "Hi"},
        {"conversation": [], "text": "Hi"},
    ],
    ids=str,
)
def test_a_reply_names_an_entry(demo: Any, sent: dict[str, Any]) -> None:
    assert call_json(REPLY, sent).status == 400


@pytest.mark.parametrize("text", [None, 5, "", " ", "x" * 10_001])
def test_a_reply_has_words(demo: Any, text: Any) -> None:
    say(demo, "Hello?")
    key = str(Conversation.objects.get().uuid)

    assert call_json(REPLY, {"conversation": key, "text": text}).status == 400


def test_an_entry_that_does_not_exist_is_not_found(demo: Any) -> None:
    answer = call_json(REPLY, {"conversation": str(uuid.uuid4()), "text": "Hi"})

    assert (answer.status, answer.json["code"]) == (404, "unknown_conversation")
