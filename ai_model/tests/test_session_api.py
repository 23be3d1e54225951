"""Questions and sessions over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.services import create_token, revoke_tokens
from ai_model.models import Assistant
from conversations.models import Contact, Conversation, Message
from conversations.services import hand_off
from conversations.tests.factories import ConversationFactory, MessageFactory
from core.tests.asgi import Answer, acall, call
from integrations.models import Channel
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account, User

pytestmark = pytest.mark.django_db(transaction=True)

ASK = "/api/v1/ai/ask/"
SESSIONS = "/api/v1/ai/sessions/"
QUESTION = "How long does delivery take?"
BODY = {"question": QUESTION, "customer_id": "customer@example.com"}


def bearer(user: User) -> dict[str, str]:
    token = create_token(user=user, account=user.accounts.get())
    return {"authorization": f"Bearer {token}"}


def post(path: str, payload: Any, user: User | None, **options: Any) -> Answer:
    body = json.dumps(payload).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    headers |= options.pop("headers", {}) | (bearer(user) if user else {})
    return call(path, body, headers=headers, **options)


def get(path: str, user: User | None, query: dict[str, Any] | None = None) -> Answer:
    headers = bearer(user) if user else {}
    return call(path, method="GET", headers=headers, query=urlencode(query or {}))


@pytest.fixture
def knowledge(account: Account) -> Any:
    EntryFactory(account=account, title="Gift cards", body="They last two years.")
    return EntryFactory(
        account=account, title=QUESTION, body="Delivery takes three working days."
    )


# Asking -----------------------------------------------------------------------


def test_a_question_is_answered_in_the_documented_shape(
    engine: Any, knowledge: Any, bob: User
) -> None:
    answer = post(ASK, BODY, bob)

    found = answer.json
    assert answer.status == 200
    row = Conversation.objects.get()
    assert found == {
        "session_id": f"msg_{row.uuid.hex}",
        "customer_id": "customer@example.com",
        "question": QUESTION,
        "answer": found["answer"],
        "response_time_ms": found["response_time_ms"],
        "success": True,
        "auto_response_generated": True,
    }
    assert "three working days" in found["answer"]
    assert 0 < found["response_time_ms"] < 45_000
    assert (row.channel.provider, row.account) == ("api", bob.accounts.get())
    assert Contact.objects.get().email == "customer@example.com"


def test_forms_are_read_too(engine: Any, knowledge: Any, bob: User) -> None:
    body = urlencode(BODY).encode()
    form = {
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(body)),
    }

    answer = call(ASK, body, headers=bearer(bob) | form)

    assert answer.json["success"] is True


def test_a_customer_has_one_session(engine: Any, knowledge: Any, bob: User) -> None:
    first = post(ASK, BODY, bob).json
    again = post(ASK, {**BODY, "question": "Hello"}, bob).json
    other = post(ASK, {**BODY, "customer_id": "jane"}, bob).json

    assert first["session_id"] == again["session_id"] != other["session_id"]
    assert Channel.objects.filter(provider="api").count() == 1


def test_what_is_not_known_is_no_success(
    engine: Any, knowledge: Any, bob: User
) -> None:
    found = post(ASK, {**BODY, "question": "Who won the chess cup in 1972?"}, bob).json

    assert (found["success"], found["auto_response_generated"]) == (False, True)
    assert found["answer"]


def test_where_people_reply_nothing_is_generated(
    account: Account, bob: User, engine: Any
) -> None:
    account.default_reply_handler = "Manual"
    account.save()

    found = post(ASK, BODY, bob).json

    assert (found["success"], found["auto_response_generated"]) == (False, False)
    assert "colleague" in found["answer"]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"customer_id": "jane"}, "question"),
        ({"question": ""} | {"customer_id": "jane"}, "question"),
        ({"question": "x" * 8001, "customer_id": "jane"}, "question"),
        ({"question": QUESTION}, "customer_id"),
        ({"question": QUESTION, "customer_id": "x" * 201}, "customer_id"),
        ({"question": [], "customer_id": "jane"}, "question"),
        ([], "non_field_errors"),
    ],
    ids=[
        "no-question",
        "empty",
        "long",
        "no-customer",
        "long-customer",
        "list",
        "body",
    ],
)
def test_what_is_wrong_is_named(bob: User, payload: Any, field: str) -> None:
    answer = post(ASK, payload, bob)

    assert (answer.status, answer.json["code"]) == (400, "invalid")
    assert list(answer.json["fields"]) == [field]


@pytest.mark.parametrize(
    ("body", "type_", "status"),
    [
        (b"{", "application/json", 400),
        (b"x", "text/plain", 415),
        (b"x" * 1_100_000, "application/json", 413),
    ],
    ids=["broken", "type", "large"],
)
def test_a_body_that_cannot_be_read_is_refused(
    bob: User, body: bytes, type_: str, status: int
) -> None:
    size = {"content-length": str(len(body))}

    answer = call(ASK, body, headers={**bearer(bob), "content-type": type_, **size})

    assert answer.status == status


def test_a_lone_surrogate_harms_nothing(engine: Any, knowledge: Any, bob: User) -> None:
    answer = post(ASK, {"question": QUESTION, "customer_id": "jane\ud800"}, bob)

    assert answer.json["customer_id"] == "jane?"


def test_asking_needs_a_token_that_holds(bob: User) -> None:
    token = bearer(bob)
    missing = post(ASK, BODY, None)
    wrong = post(ASK, BODY, None, headers={"authorization": "Bearer nonsense"})
    revoke_tokens(bob.auth_token_set.all())
    revoked = post(ASK, BODY, None, headers=token)

    assert [each.status for each in (missing, wrong, revoked)] == [401] * 3
    assert missing.headers["www-authenticate"] == "Bearer"
    assert not Conversation.objects.exists()


def test_one_person_calls_only_so_often(bob: User, alice: User, settings: Any) -> None:
    settings.API_RATE_LIMIT = "2/hour"

    answers = [get(SESSIONS, bob) for _ in range(3)]

    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].json["code"] == "rate_limited"
    seconds = answers[2].json["detail"]["reset_in_seconds"]
    assert 3500 < seconds <= 3600
    assert answers[2].headers["retry-after"] == str(seconds)
    assert get(SESSIONS, alice).status == 200
    assert post(ASK, BODY, bob).status == 429


def test_other_methods_are_refused(bob: User) -> None:
    assert get(ASK, bob).status == 405


def test_a_channel_that_is_off_takes_no_questions(bob: User, account: Account) -> None:
    Channel.objects.create(account=account, provider="api", is_active=False)

    assert post(ASK, BODY, bob).status == 409


def test_more_can_wait_than_there_are_connections(
    bob: User, account: Account, settings: Any
) -> None:
    """Nobody answers: there is no worker. Thirty wait, and hold nothing meanwhile."""
    settings.REPLY_BUDGET_S = 0.0
    headers = {"content-type": "application/json", **bearer(bob)}

    async def many() -> tuple[bool, list[Answer]]:
        calls = []
        for number in range(30):
            body = json.dumps({**BODY, "customer_id": f"c{number}"}).encode()
            more = {"content-length": str(len(body))}
            calls.append(asyncio.create_task(acall(ASK, body, headers=headers | more)))
        while await Conversation.objects.acount() < 30:
            if any(each.done() for each in calls):
                break
            await asyncio.sleep(0.01)
        all_wait = not any(each.done() for each in calls)
        return all_wait, await asyncio.gather(*calls)

    all_wait, answers = async_to_sync(many)()

    assert all_wait
    assert {each.status for each in answers} == {200}
    assert {each.json["success"] for each in answers} == {False}


# Lists ------------------------------------------------------------------------


def test_sessions_are_listed_newest_words_first(
    bob: User, channel: Any, chatwoot: Any
) -> None:
    now = timezone.now()
    rows = [
        ConversationFactory(
            channel=each, last_message_at=now - dt.timedelta(hours=hours)
        )
        for each, hours in ((channel, 3), (chatwoot, 1), (channel, 2))
    ]
    ConversationFactory(channel=channel, last_message_at=None)
    ConversationFactory()

    found = get(SESSIONS, bob).json

    assert found["next"] is None
    assert [each["conversation_id"] for each in found["results"]] == [
        str(rows[place].uuid) for place in (1, 2, 0)
    ]
    assert found["results"][0] == {
        "session_id": f"msg_{rows[1].uuid.hex}",
        "conversation_id": str(rows[1].uuid),
        "customer_id": rows[1].contact.external_id,
        "customer_name": rows[1].contact.label,
        "channel": "chatwoot",
        "status": "active",
        "status_reason": "",
        "needs_person": False,
        "unread": 0,
        "last_message": "",
        "last_message_at": found["results"][0]["last_message_at"],
        "created_at": found["results"][0]["created_at"],
    }


def test_a_list_goes_on_where_the_page_before_has_ended(
    bob: User, channel: Any
) -> None:
    """Also among sessions of the same moment, and while others move to the top."""
    now = timezone.now()
    rows = [ConversationFactory(channel=channel, last_message_at=now) for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = ""

    while cursor is not None:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = get(SESSIONS, bob, query).json
        seen += [each["conversation_id"] for each in page["results"]]
        cursor = page["next"]
        Conversation.objects.filter(uuid=seen[0]).update(
            last_message_at=now + dt.timedelta(hours=1)
        )

    assert seen == [str(each.uuid) for each in reversed(rows)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "support_active"}, "B"),
        ({"channel": "web"}, "AC"),
        ({"channel": "web", "status": "closed"}, "C"),
        ({"date": "2026-11-02"}, "BA"),
        ({"date_from": "2026-11-02"}, "CBA"),
        ({"date_to": "2026-11-02"}, "BA"),
        ({"date_from": "2026-11-03", "date_to": "2026-11-04"}, "C"),
    ],
    ids=str,
)
def test_a_list_is_narrowed(
    bob: User, channel: Any, chatwoot: Any, query: dict[str, str], expected: str
) -> None:
    for name, on, status, at in (
        ("A", channel, "active", dt.datetime(2026, 11, 2, 0, tzinfo=dt.UTC)),
        ("B", chatwoot, "support_active", dt.datetime(2026, 11, 2, 23, tzinfo=dt.UTC)),
        ("C", channel, "closed", dt.datetime(2026, 11, 3, 0, tzinfo=dt.UTC)),
    ):
        ConversationFactory(
            channel=on, status=status, last_message_at=at, last_text=name
        )

    found = get(SESSIONS, bob, query).json["results"]

    assert sorted(each["last_message"] for each in found) == sorted(expected)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "gone"}, "status"),
        ({"channel": "pigeon"}, "channel"),
        ({"date": "yesterday"}, "date"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, None),
    ],
    ids=str,
)
def test_a_list_refuses_nonsense(
    bob: User, query: dict[str, str], field: str | None
) -> None:
    answer = get(SESSIONS, bob, query)

    assert answer.status == 400
    assert field is None or list(answer.json["fields"]) == [field]


def test_a_list_takes_few_queries(
    bob: User, channel: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        ConversationFactory(channel=channel)
    client.force_login(bob)

    with django_assert_max_num_queries(5):
        assert len(client.get(SESSIONS).json()["results"]) == 20


# One session ------------------------------------------------------------------


def test_a_session_shows_what_was_said(engine: Any, knowledge: Any, bob: User) -> None:
    asked = post(ASK, BODY, bob).json

    found = get(f"{SESSIONS}{asked['session_id']}/", bob).json

    assert found["session_id"] == asked["session_id"]
    assert found["channel"] == "api"
    question, reply = found["messages"]
    assert (question["type"], question["text"]) == ("customer", QUESTION)
    assert (reply["type"], reply["text"]) == ("AI", asked["answer"])
    assert reply["confidence"] > 0.5
    assert reply["sources"][0]["entry_id"] == knowledge.public_id
    assert found["next"] is None


def test_older_messages_are_read_page_by_page(bob: User, conversation: Any) -> None:
    for number in range(105):
        MessageFactory(conversation=conversation, text=str(number))
    path = f"{SESSIONS}{conversation.uuid}/"

    newest = get(path, bob).json
    older = get(path, bob, {"cursor": newest["next"]}).json

    said = [each["text"] for each in older["messages"] + newest["messages"]]
    assert said == [str(number) for number in range(105)]
    assert older["next"] is None


@pytest.mark.parametrize("name", ["abc123", "msg_abc123", "msg_" + "0" * 32])
def test_an_unknown_session_is_not_found(bob: User, name: str) -> None:
    assert get(f"{SESSIONS}{name}/", bob).status == 404
    assert post(f"{SESSIONS}{name}/send/", {"message": "Hi"}, bob).status == 404


def test_sessions_of_others_do_not_exist(charlie: User, conversation: Any) -> None:
    path = f"{SESSIONS}msg_{conversation.uuid.hex}/"

    assert get(SESSIONS, charlie).json["results"] == []
    assert get(path, charlie).status == 404
    assert post(f"{path}send/", {"message": "Hi"}, charlie).status == 404
    assert get(path, None).status == 401
    assert post(f"{path}send/", {"message": "Hi"}, None).status == 401


# Sending ----------------------------------------------------------------------


def test_a_session_goes_on(engine: Any, knowledge: Any, bob: User) -> None:
    session = post(ASK, {**BODY, "question": "Hello"}, bob).json["session_id"]

    answer = post(f"{SESSIONS}{session}/send/", {"message": QUESTION}, bob)

    found = answer.json
    assert answer.status == 200
    assert found["session_id"] == session
    assert found["message"] == QUESTION
    assert "three working days" in found["answer"]
    assert "question" not in found
    assert Conversation.objects.get().messages.count() == 4


def test_while_people_reply_the_sender_is_told_so(
    engine: Any, knowledge: Any, bob: User
) -> None:
    session = post(ASK, BODY, bob).json["session_id"]
    hand_off(conversation=Conversation.objects.get(), reason="taken_over", user=bob)

    found = post(f"{SESSIONS}{session}/send/", {"message": "And abroad?"}, bob).json

    assert (found["success"], found["auto_response_generated"]) == (False, False)
    assert "colleague" in found["answer"]


def test_nobody_speaks_for_the_customer_of_another_channel(
    bob: User, conversation: Any
) -> None:
    path = f"{SESSIONS}msg_{conversation.uuid.hex}/send/"

    answer = post(path, {"message": "Cancel my order"}, bob)

    assert (answer.status, answer.json["code"]) == (409, "conflict")
    assert not Message.objects.exists()


def test_a_session_refuses_an_empty_message(bob: User, conversation: Any) -> None:
    path = f"{SESSIONS}msg_{conversation.uuid.hex}/send/"

    assert list(post(path, {}, bob).json["fields"]) == ["message"]


def test_an_assistant_that_is_off_says_why_in_the_session(
    account: Account, bob: User, engine: Any
) -> None:
    Assistant.objects.create(account=account, auto_response=False)

    session = post(ASK, BODY, bob).json["session_id"]

    found = get(f"{SESSIONS}{session}/", bob).json
    assert (found["status"], found["status_reason"]) == (
        "support_active", "auto_response_off",
    )  # fmt: skip
