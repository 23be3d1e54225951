"""Who replies: the account's default, and what keeps the assistant from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync

from ai_model import handling
from ai_model.models import Assistant
from ai_model.providers import chain, get
from conversations.asking import ask
from conversations.models import Conversation, Message
from conversations.services import close
from conversations.tests.acting import inbound, say
from core.exceptions import PermanentProviderError

if TYPE_CHECKING:
    from accounts.models import Account

pytestmark = pytest.mark.django_db(transaction=True)

NEVER = {"mon": [["03:00", "03:01"]]}


def refuse_key(provider: str) -> None:
    error = PermanentProviderError("no", provider=provider, status=401)
    chain.breaker(get(provider)).failed(error)


def begun() -> tuple[str, str, bool]:
    row = Conversation.objects.get()
    return row.status, row.status_reason, row.needs_person


# What keeps the assistant from replying -----------------------------------------


@pytest.mark.parametrize(
    ("values", "keys", "expected"),
    [
        ({}, "", ""),
        ({"auto_response": False}, "", "auto_response_off"),
        ({"business_hours": NEVER}, "", "outside_hours"),
        ({"chain": ["gemini", "openai"]}, "", "no_provider"),
        ({"chain": ["gemini", "openai"]}, "g", ""),
        ({"chain": ["gemini"]}, "gx", "provider_failing"),
        ({"chain": ["gemini", "openai"]}, "gxo", ""),
        ({"chain": ["gemini", "local"]}, "gx", ""),
        ({"auto_response": False, "chain": ["gemini"]}, "", "auto_response_off"),
    ],
    ids=[
        "nothing", "switched-off", "closed", "no-key", "a-key", "failing",
        "another-works", "local-counts", "the-first-obstacle",
    ],
)  # fmt: skip
def test_an_obstacle_is_named(
    account: Account, settings: Any, values: dict[str, Any], keys: str, expected: str
) -> None:
    settings.GEMINI_API_KEY = "key" if "g" in keys else ""
    settings.OPENAI_API_KEY = "key" if "o" in keys else ""
    if "x" in keys:
        refuse_key("gemini")

    assert handling.obstacle(Assistant(account=account, **values)) == expected


@pytest.mark.parametrize(
    ("providers", "expected"), [(["openai"], "budget"), (["openai", "local"], "")]
)
def test_a_spending_limit_that_is_reached_is_one_where_only_models_answer(
    account: Account, settings: Any, providers: list[str], expected: str
) -> None:
    settings.OPENAI_API_KEY = "key"
    Assistant.objects.create(account=account, chain=providers, daily_request_limit=0)
    account.refresh_from_db()

    assert handling.obstacle_of(account) == expected


def test_a_new_key_is_not_known_to_be_failing(account: Account, settings: Any) -> None:
    settings.GEMINI_API_KEY = "old"
    refuse_key("gemini")
    assistant = Assistant(account=account, chain=["gemini"])
    assert handling.obstacle(assistant) == "provider_failing"

    settings.GEMINI_API_KEY = "new"

    assert handling.obstacle(assistant) == ""


# How conversations begin --------------------------------------------------------


def test_a_conversation_begins_with_the_assistant(channel: Any) -> None:
    say(channel, "How long?")

    assert begun() == ("active", "", False)


def test_a_conversation_begins_with_people_where_that_is_the_default(
    account: Account, channel: Any
) -> None:
    account.default_reply_handler = "Manual"
    account.save()

    say(channel, "How long?")

    assert begun() == ("support_active", "manual_by_default", True)
    assert Message.objects.get().state == Message.State.HANDED_OVER


def test_a_conversation_begins_with_people_while_the_assistant_is_off(
    account: Account, channel: Any
) -> None:
    Assistant.objects.create(account=account, auto_response=False)

    say(channel, "How long?")

    assert begun() == ("support_active", "auto_response_off", True)


def test_a_conversation_that_runs_stays_with_whom_it_was(
    account: Account, channel: Any
) -> None:
    say(channel, "How long?")
    account.default_reply_handler = "Manual"
    account.save()

    say(channel, "And abroad?")

    assert begun() == ("active", "", False)


def test_a_closed_conversation_goes_on_as_a_new_one_begins(
    account: Account, channel: Any
) -> None:
    say(channel, "How long?")
    close(conversation=Conversation.objects.get(), reason="closed_by_person")
    account.default_reply_handler = "Manual"
    account.save()

    say(channel, "And abroad?")

    assert begun() == ("support_active", "manual_by_default", True)
    assert Conversation.objects.get().epoch == 2


def test_one_accounts_default_is_not_anothers(account: Account, charlie: Any) -> None:
    other = charlie.accounts.get()
    other.default_reply_handler = "Manual"
    other.save()

    reasons = handling.reasons_for_people({account.pk, other.pk})

    assert reasons == {other.pk: "manual_by_default"}


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ({"business_hours": NEVER}, "outside_hours", "closed"),
        ({"chain": ["gemini"]}, "no_provider", "can't answer right now"),
    ],
    ids=["hours", "provider"],
)
def test_whom_the_assistant_may_not_answer_hears_so_and_gets_a_person(
    account: Account, channel: Any, engine: Any, values: Any, reason: str, words: str
) -> None:
    """Even a greeting, which needs no provider, is not left waiting for what fails."""
    Assistant.objects.create(account=account, **values)

    asked = async_to_sync(ask)(channel, inbound("Hello!", is_synchronous=True))

    assert begun() == ("support_active", reason, True)
    assert words in asked.text
