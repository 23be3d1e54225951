"""Who replies, over HTTP."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from rest_framework.test import APIClient

from accounts.services import create_token
from ai_model.models import Assistant
from conversations.models import Conversation
from conversations.services import close, hand_off
from conversations.tests.acting import say
from conversations.tests.factories import ConversationFactory

if TYPE_CHECKING:
    from accounts.models import Account, User

pytestmark = pytest.mark.django_db(transaction=True)

BULK = "/api/v1/ai/conversations/bulk-status/"
HANDLER = "/api/v1/ai/default-handler/"


def client_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        token = create_token(user=user, account=user.accounts.get())
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def path(conversation: Any) -> str:
    return f"/api/v1/ai/conversations/{getattr(conversation, 'uuid', conversation)}/status/"


def put(user: User | None, where: str, payload: Any, format: str = "json") -> Any:
    client = client_of(user)
    if format == "json":
        return client.put(where, payload, format="json")
    form = "application/x-www-form-urlencoded"
    return client.put(where, payload, content_type=form)


# One conversation -------------------------------------------------------------


def test_the_status_says_who_replies_and_why(bob: User, conversation: Any) -> None:
    hand_off(conversation=conversation, reason="asked_for_person")

    found = client_of(bob).get(path(conversation))

    assert found.status_code == 200
    assert found.json() == {
        "conversation_id": str(conversation.uuid),
        "session_id": f"msg_{conversation.uuid.hex}",
        "status": "support_active",
        "status_reason": "asked_for_person",
        "detail": "the customer asked for a person",
        "epoch": 1,
        "needs_person": True,
    }


def test_people_get_a_conversation_and_the_assistant_gets_it_back(
    bob: User, conversation: Any
) -> None:
    taken = put(bob, path(conversation), {"status": "support_active"}).json()
    again = put(bob, path(conversation), {"status": "support_active"}).json()
    back = put(bob, path(conversation), "status=active", "form").json()

    assert [
        (each["success"], each["status"], each["status_reason"], each["epoch"])
        for each in (taken, again, back)
    ] == [
        (True, "support_active", "switched", 1),
        (True, "support_active", "switched", 1),
        (True, "active", "handed_back", 2),
    ]


def test_a_switch_to_people_silences_the_turn_that_runs(
    bob: User, channel: Any
) -> None:
    say(channel, "How long?")
    row = Conversation.objects.get()

    put(bob, path(row), {"status": "support_active"})

    row.refresh_from_db()
    assert (row.epoch, row.due_at) == (1, None)
    assert row.messages.get().state == "handed_over"


def test_a_closed_conversation_goes_on(bob: User, conversation: Any) -> None:
    close(conversation=conversation, reason="closed_by_person")

    found = put(bob, path(conversation), {"status": "active"}).json()

    assert (found["success"], found["status"], found["epoch"]) == (True, "active", 2)


@pytest.mark.parametrize("before", ["active", "support_active"])
def test_where_the_assistant_may_not_reply_people_do(
    bob: User, account: Account, conversation: Any, before: str
) -> None:
    Assistant.objects.create(account=account, auto_response=False)
    if before == "support_active":
        hand_off(conversation=conversation, reason="taken_over", user=bob)

    found = put(bob, path(conversation), {"status": "active"})

    assert found.status_code == 200
    assert found.json() | {"needs_person": None} == {
        "success": False,
        "conversation_id": str(conversation.uuid),
        "session_id": f"msg_{conversation.uuid.hex}",
        "status": "support_active",
        "status_reason": "auto_response_off",
        "detail": "the assistant is set not to answer by itself",
        "epoch": 1,
        "needs_person": None,
    }
    conversation.refresh_from_db()
    assert conversation.status_reason == "auto_response_off"


@pytest.mark.parametrize("payload", [{}, {"status": "closed"}, {"status": "x"}, [1]])
def test_a_status_that_is_none_is_refused(
    bob: User, conversation: Any, payload: Any
) -> None:
    found = put(bob, path(conversation), payload)

    assert found.status_code == 400
    assert list(found.json()["fields"]) in (["status"], ["non_field_errors"])


def test_the_status_of_others_does_not_exist(charlie: User, conversation: Any) -> None:
    wanted = {"status": "support_active"}
    found = [
        put(charlie, path(conversation), wanted).status_code,
        client_of(charlie).get(path(conversation)).status_code,
        put(charlie, path("abc123"), wanted).status_code,
        put(None, path(conversation), wanted).status_code,
        client_of(charlie).post(path(conversation), wanted).status_code,
    ]

    assert found == [404, 404, 404, 401, 405]
    conversation.refresh_from_db()
    assert (conversation.status, conversation.epoch) == ("active", 0)


# Many -------------------------------------------------------------------------


def test_many_are_switched_each_by_itself(
    bob: User, channel: Any, charlie: User
) -> None:
    own = [ConversationFactory(channel=channel) for _ in range(2)]
    foreign = ConversationFactory()
    names = [
        str(own[0].uuid), "abc123", f"msg_{own[1].uuid.hex}", str(foreign.uuid),
        str(uuid.uuid4()), str(own[0].uuid),
    ]  # fmt: skip

    found = put(
        bob, BULK, {"conversation_ids": names, "status": "support_active"}
    ).json()

    assert (found["updated"], found["failed"]) == (2, 3)
    assert [
        (each["conversation_id"], each["success"], each["status"])
        for each in found["results"]
    ] == [
        (names[0], True, "support_active"),
        (names[1], False, None),
        (names[2], True, "support_active"),
        (names[3], False, None),
        (names[4], False, None),
    ]
    assert found["results"][1]["status_reason"] == "not_found"
    for row, epoch in ((own[0], 1), (own[1], 1), (foreign, 0)):
        row.refresh_from_db()
        assert row.epoch == epoch


def test_a_form_names_many(bob: User, channel: Any) -> None:
    """As `requests` writes a list into a form."""
    rows = [ConversationFactory(channel=channel) for _ in range(2)]
    ids = "&".join(f"conversation_ids={each.uuid}" for each in rows)

    found = put(bob, BULK, f"{ids}&status=support_active", "form").json()

    assert (found["updated"], found["failed"]) == (2, 0)


def test_where_the_assistant_may_not_reply_none_is_switched_to_it(
    bob: User, account: Account, channel: Any
) -> None:
    Assistant.objects.create(account=account, auto_response=False)
    row = ConversationFactory(channel=channel)

    found = put(
        bob, BULK, {"conversation_ids": [str(row.uuid)], "status": "active"}
    ).json()

    assert (found["updated"], found["failed"]) == (0, 1)
    assert found["results"] == [
        {
            "conversation_id": str(row.uuid),
            "success": False,
            "status": "support_active",
            "status_reason": "auto_response_off",
            "detail": "the assistant is set not to answer by itself",
        }
    ]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"status": "active"}, "conversation_ids"),
        ({"conversation_ids": [], "status": "active"}, "conversation_ids"),
        ({"conversation_ids": "abc", "status": "active"}, "conversation_ids"),
        ({"conversation_ids": ["a"] * 501, "status": "active"}, "conversation_ids"),
        ({"conversation_ids": ["a"]}, "status"),
    ],
    ids=["none", "empty", "text", "many", "status"],
)
def test_a_bulk_switch_names_what_is_wrong(
    bob: User, payload: dict[str, Any], field: str
) -> None:
    found = put(bob, BULK, payload)

    assert (found.status_code, list(found.json()["fields"])) == (400, [field])


def test_many_need_a_token(account: Account) -> None:
    assert put(None, BULK, {}).status_code == 401


# New conversations --------------------------------------------------------------


def test_the_default_handler_is_read_and_set(
    alice: User, bob: User, account: Account, channel: Any
) -> None:
    assert client_of(bob).get(HANDLER).json() == {"default_reply_handler": "AI"}

    found = put(alice, HANDLER, "default_reply_handler=Manual", "form")

    assert found.status_code == 200
    assert client_of(bob).get(HANDLER).json() == {"default_reply_handler": "Manual"}
    say(channel, "How long?")
    assert Conversation.objects.get().status == "support_active"


def test_only_an_owner_sets_the_default_handler(
    bob: User, alice: User, charlie: User, account: Account
) -> None:
    wanted = {"default_reply_handler": "Manual"}

    assert put(bob, HANDLER, wanted).status_code == 403
    assert put(None, HANDLER, wanted).status_code == 401
    assert put(charlie, HANDLER, wanted).status_code == 200
    assert put(alice, HANDLER, {"default_reply_handler": "ai"}).json()["fields"]
    assert client_of(alice).get(HANDLER).json() == {"default_reply_handler": "AI"}
