"""Who a CRM's user is, as its server has signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from conversations.models import Contact, Message
from conversations.tests.test_api import PATH, body
from core.tests.asgi import acall, call_json
from integrations.services import renew_secret

pytestmark = pytest.mark.django_db(transaction=True)


def sign(secret: str, agent_id: str = "jane") -> str:
    """As the documents tell a CRM to."""
    return hmac.new(secret.encode(), agent_id.encode(), hashlib.sha256).hexdigest()


def ask(
    signature: str | None = None, text: str = "Hello", agent_id: str = "jane"
) -> Any:
    person = {"agent_id": agent_id}
    if signature is not None:
        person["signature"] = signature
    return call_json(PATH, body(text, person=person))


def test_a_signed_user_is_answered(engine: Any, channel: Any) -> None:
    secret = renew_secret(channel)

    assert ask(sign(secret)).status == 200
    assert ask(sign(secret).upper()).status == 200
    assert Contact.objects.get().external_id == "signed:jane"


@pytest.mark.parametrize(
    "wrong",
    ["0" * 64, "short", "é", "\u2603" * 64],
    ids=["hex", "short", "latin", "snow"],
)
def test_a_wrong_signature_is_refused_also_where_none_is_needed(
    channel: Any, wrong: str
) -> None:
    renew_secret(channel)

    answer = ask(wrong)

    assert (answer.status, answer.json["code"]) == (401, "invalid_signature")
    assert set(answer.json) == {"detail", "error", "code"}
    assert not Message.objects.exists()


def test_a_signature_for_somebody_else_is_refused(channel: Any) -> None:
    secret = renew_secret(channel)

    assert ask(sign(secret, "john")).status == 401


@pytest.mark.parametrize("signature", [None, ""])
def test_a_channel_may_take_signed_users_only(
    engine: Any, channel: Any, signature: str | None
) -> None:
    secret = renew_secret(channel)
    channel.refresh_from_db()
    channel.requires_signature = True
    channel.save()

    refused = ask(signature)

    assert (refused.status, refused.json["code"]) == (401, "invalid_signature")
    assert not Message.objects.exists()
    assert ask(sign(secret)).status == 200


def test_where_none_is_needed_an_unsigned_user_is_answered(
    engine: Any, channel: Any
) -> None:
    renew_secret(channel)

    assert ask().status == 200


def test_without_a_secret_a_signature_says_nothing(engine: Any, channel: Any) -> None:
    assert ask("0" * 64).status == 200
    assert Contact.objects.get().external_id == "crm:jane"


def test_a_secret_is_good_until_the_next_but_one(engine: Any, channel: Any) -> None:
    first, second = renew_secret(channel), renew_secret(channel)
    assert [ask(sign(each)).status for each in (first, second)] == [200, 200]

    third = renew_secret(channel)

    statuses = [ask(sign(each)).status for each in (first, second, third)]
    assert statuses == [401, 200, 200]


def test_nobody_joins_a_signed_session_by_claiming_its_name(
    engine: Any, channel: Any
) -> None:
    secret = renew_secret(channel)
    signed = ask(sign(secret))

    claimed = ask()

    assert claimed.json["session_id"] != signed.json["session_id"]
    assert Message.objects.values("conversation").distinct().count() == 2


def test_a_rating_is_signed_as_the_question_was(engine: Any, channel: Any) -> None:
    secret = renew_secret(channel)
    answer = ask(sign(secret)).json
    sent = {
        "message_id": "1",
        "session_id": answer["session_id"],
        "feedback_type": "helpful",
        "query": "Hello",
        "response": answer["response"],
        "agent_type": "customer",
        "user_info": {"agent_id": "jane", "email": "j@company.com", "full_name": "J"},
    }
    sent["user_info"]["signature"] = None
    unsigned = call_json("/api/feedback", sent)
    sent["user_info"]["signature"] = "0" * 64
    wrong = call_json("/api/feedback", sent)
    sent["user_info"]["signature"] = sign(secret)
    right = call_json("/api/feedback", sent)

    assert [each.status for each in (unsigned, wrong, right)] == [404, 401, 200]


def test_those_refused_at_one_moment_are_told_in_their_own_language(
    channel: Any,
) -> None:
    channel.requires_signature = True
    channel.save()

    async def ask_in(*langs: str) -> list[Any]:
        sent = json.dumps(body()).encode()
        kind = {"content-type": "application/json"}
        calls = (
            acall(PATH, sent, headers=kind | {"accept-language": lang})
            for lang in langs
        )
        return await asyncio.gather(*calls)

    answers = async_to_sync(ask_in)("en", "ru", "es", "en")

    first, russian, spanish, last = (each.json["detail"] for each in answers)
    assert first == last == "This chat takes signed users only."
    assert russian == "Этот чат принимает только подписанных пользователей."
    assert spanish not in (first, russian)
