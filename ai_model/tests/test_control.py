"""Commands by which an operator controls assistants, and what they rest on."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.tests.factories import AccountFactory, UserFactory
from ai_model import control
from ai_model.models import Assistant
from ai_model.tests.loopback import ModelServer
from conversations.models import Conversation, Message
from conversations.reconcile import reconcile
from conversations.tests.factories import ConversationFactory, MessageFactory
from escalation.models import Escalation
from integrations.tests.factories import ChannelFactory, ChatwootChannelFactory
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import Account
    from core.tests.network import Network

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_providers(settings: Any) -> None:
    settings.OPENAI_API_KEY = settings.GEMINI_API_KEY = ""
    settings.OPENAI_MODEL = settings.GEMINI_MODEL = ""
    settings.PUBLIC_URL = "https://desk.example"


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    with ModelServer() as running:
        settings.OPENAI_API_KEY = "key-1"
        settings.OPENAI_BASE_URL = f"{running.url}/v1"
        settings.OPENAI_API_STYLE = "chat"
        yield running


@pytest.fixture
def other(db: None) -> Account:
    found: Account = AccountFactory(name="Charlie's Garage")
    return found


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command prints as JSON."""
    call_command("ai_control", *words, "--json")
    return json.loads(capsys.readouterr().out)


# -- enable, disable, status -------------------------------------------------------


def test_one_users_accounts_are_switched_and_no_others(
    alice: Any, account: Account, other: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    off = told(capsys, "disable", "--user", "alice")
    again = told(capsys, "disable", "--user", "alice")
    status = told(capsys, "status")

    assert off == [{"account": "Alice's Shop", "answers": False, "changed": True}]
    assert [row["changed"] for row in again] == [False]
    assert [(row["account"], row["answers"]) for row in status] == [
        ("Alice's Shop", False),
        ("Charlie's Garage", True),
    ]


def test_without_a_user_all_accounts_are_switched_back(
    account: Account, other: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    control.switch([account, other], is_on=False)
    version = account.__class__.objects.get(pk=account.pk).knowledge_version

    call_command("ai_control", "enable")

    assert capsys.readouterr().out == (
        "account           answers  changed\n"
        "Alice's Shop      yes      yes\n"
        "Charlie's Garage  yes      yes\n"
    )
    account.refresh_from_db()
    # Running workers learn of it.
    assert account.knowledge_version > version


@pytest.mark.parametrize("action", ["enable", "status", "validate", "conversations"])
def test_a_wrong_name_is_one_line(account: Account, action: str) -> None:
    with pytest.raises(CommandError, match="There is no user “nobody”") as caught:
        call_command("ai_control", action, "--user", "nobody")

    assert caught.value.returncode == 1


def test_a_user_without_accounts_is_told_so(account: Account) -> None:
    UserFactory(username="dora")

    with pytest.raises(CommandError, match="“dora” works for no account"):
        call_command("ai_control", "status", "--user", "dora")


# -- conversations -----------------------------------------------------------------


def test_conversations_are_counted_by_status(
    channel: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    now = timezone.now()
    ConversationFactory(channel=channel, due_at=now, waiting_since=now)
    ConversationFactory(channel=channel, status="support_active", needs_person=True)
    ConversationFactory(channel=channel, status="closed")
    ConversationFactory()

    (row, _other) = told(capsys, "conversations")

    assert row == {
        "account": "Alice's Shop",
        "active": 1,
        "support_active": 1,
        "closed": 1,
        "needs_person": 1,
        "waiting": 1,
        "total": 3,
    }


# -- test --------------------------------------------------------------------------


def test_each_configured_provider_is_asked_with_each_model_in_use(
    account: Account, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Assistant.objects.create(account=account, model_names={"openai": "gpt-6-sol"})

    rows = told(capsys, "test")

    asked = {each.body["model"] for each in server.requests}
    assert asked == {"gpt-6-luna", "gpt-6-sol"}
    assert [row["provider"] for row in rows] == ["local", "openai", "openai"]
    assert all(row["works"] and row["quota"] == "ok" for row in rows)
    assert all(row["tokens"] > 0 for row in rows[1:])


@pytest.mark.parametrize(
    ("behaviour", "quota", "said"),
    [
        ("quota", "used_up", "insufficient_quota"),
        ("429", "limited", "try again in 7 s"),
        ("401", "unknown", "invalid_api_key"),
        ("404", "unknown", "model_not_found"),
    ],
)
def test_what_a_provider_says_against_it_is_told(
    account: Account,
    server: ModelServer,
    capsys: pytest.CaptureFixture[str],
    behaviour: str,
    quota: str,
    said: str,
) -> None:
    server.script(behaviour)

    with pytest.raises(CommandError, match="1 of 2 do not work"):
        call_command("ai_control", "test", "--json")

    row = json.loads(capsys.readouterr().out)[1]
    assert (row["works"], row["quota"]) == (False, quota)
    assert said in row["error"]


# -- validate ----------------------------------------------------------------------


def codes(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Codes and levels of what `validate` finds."""
    with contextlib.suppress(CommandError):
        call_command("ai_control", "validate", "--json")
    rows = json.loads(capsys.readouterr().out)
    assert all(row["problem"] and row["mend"] for row in rows)
    return {row["code"]: row["level"] for row in rows}


@pytest.fixture
def ready(account: Account, channel: Any) -> Assistant:
    EntryFactory(account=account)
    return Assistant.objects.create(account=account, chain=["local"])


def test_where_nothing_is_wrong_that_is_said(
    ready: Assistant, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("ai_control", "validate")

    assert capsys.readouterr().out == "Nothing is wrong.\n"


def test_what_is_to_be_mended_is_exit_code_1(account: Account) -> None:
    with pytest.raises(CommandError, match="2 to mend"):
        call_command("ai_control", "validate")


def test_an_empty_account_lacks_everything(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(capsys) == {
        "empty_knowledge": "error",
        "no_channel": "error",
        "missing_key": "warning",
    }


@pytest.mark.parametrize(
    ("changes", "code", "level"),
    [
        ({"chain": ["gemini"]}, "missing_key", "error"),
        ({"chain": ["gemini", "local"]}, "missing_key", "warning"),
        ({"business_hours": {"mon": []}}, "business_hours", "error"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "error"),
        (
            {"time_zone": "Mars/Olympus", "business_hours": {"mon": []}},
            "time_zone",
            "error",
        ),
        ({"auto_response": False}, "auto_response_off", "warning"),
    ],
)
def test_settings_that_cannot_work_are_found(
    ready: Assistant,
    capsys: pytest.CaptureFixture[str],
    changes: Any,
    code: str,
    level: str,
) -> None:
    Assistant.objects.filter(pk=ready.pk).update(**changes)

    assert codes(capsys) == {code: level}
    # What is wrong with one account stops nobody from looking at all of them.
    call_command("ai_control", "status")


def test_a_setting_that_cannot_work_is_named(
    ready: Assistant, capsys: pytest.CaptureFixture[str]
) -> None:
    Assistant.objects.filter(pk=ready.pk).update(time_zone="Mars/Olympus")

    with pytest.raises(CommandError):
        call_command("ai_control", "validate")

    assert "Time zone: There is no such time zone." in capsys.readouterr().out


def test_a_retired_model_is_told_before_its_provider_has_a_key(
    ready: Assistant, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    today = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: today)
    Assistant.objects.filter(pk=ready.pk).update(
        chain=["openai", "local"], model_names={"openai": "gpt-4"}
    )

    assert codes(capsys) == {"missing_key": "warning", "model_retired": "warning"}


@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        ("gpt-4", "model_retired", "openai: gpt-4 was retired on 2026-10-23."),
        ("gpt-5", "model_retiring", "openai: gpt-5 will be retired on 2026-12-11."),
        ("gpt-6-luna", "", "Nothing is wrong."),
        ("llama-of-our-own", "", "Nothing is wrong."),
    ],
)
def test_models_that_end_are_told_with_date_and_successor(
    ready: Assistant,
    settings: Any,
    monkeypatch: Any,
    capsys: pytest.CaptureFixture[str],
    model: str,
    code: str,
    said: str,
) -> None:
    settings.OPENAI_API_KEY = "key-1"
    today = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
    monkeypatch.setattr(timezone, "now", lambda: today)
    Assistant.objects.filter(pk=ready.pk).update(
        chain=["openai"], model_names={"openai": model}
    )

    found = codes(capsys)
    with contextlib.suppress(CommandError):
        call_command("ai_control", "validate")

    text = capsys.readouterr().out
    assert said in text
    assert set(found) == ({code} if code else set())
    assert ("evaluate ACCOUNT --model openai=gpt-" in text) is bool(code)


@pytest.mark.parametrize(
    ("answer", "is_ours"),
    [
        (httpx2.Response(405, json={"code": "method_not_allowed"}), True),
        (httpx2.Response(401, json={"code": "invalid_signature"}), True),
        (httpx2.Response(405, text="nginx"), False),
        (httpx2.Response(200, text="parked"), False),
        (httpx2.Response(404, json={"code": "not_found"}), False),
        (httpx2.ConnectError("refused"), False),
    ],
    ids=["ours", "greeted", "proxy", "parked", "unknown", "refused"],
)
def test_webhooks_are_looked_at_from_outside(
    ready: Assistant,
    network: Network,
    capsys: pytest.CaptureFixture[str],
    answer: Any,
    is_ours: bool,  # noqa: FBT001
) -> None:
    channel = ChatwootChannelFactory(account=ready.account)
    network.answer(answer)

    found = codes(capsys)

    assert found == ({} if is_ours else {"webhook_unreachable": "error"})
    assert str(network.requests[0].url) == (
        f"https://desk.example/webhooks/chatwoot/{channel.uuid}"
    )


def test_channels_that_cannot_work_are_found(
    ready: Assistant, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL = ""
    channel = ChatwootChannelFactory(
        account=ready.account, error="401 Unauthorized", human_mode=True
    )
    del channel.credentials["webhook_secret"], channel.credentials["bot_token"]
    channel.save()

    assert codes(capsys) == {
        "channel_credentials": "error",
        "channel_refused": "error",
        "channel_without_secret": "warning",
        "no_public_url": "error",
        "human_mode": "warning",
    }


# -- sync --------------------------------------------------------------------------


def test_words_that_nobody_would_answer_are_taken_up_or_settled(channel: Any) -> None:
    forgotten = ConversationFactory(channel=channel)
    with_people = ConversationFactory(channel=channel, status="support_active")
    closed = ConversationFactory(channel=channel, status="closed")
    late = ConversationFactory(
        channel=channel,
        due_at=timezone.now() - dt.timedelta(minutes=5),
        waiting_since=timezone.now() - dt.timedelta(minutes=5),
    )
    first, second, third, _ = (
        MessageFactory(conversation=each, state="waiting")
        for each in (forgotten, with_people, closed, late)
    )

    found = reconcile(channel.account)

    assert (found.forgotten, found.late, found.stranded) == (1, 1, 2)
    forgotten.refresh_from_db()
    assert forgotten.due_at is not None
    assert Message.objects.get(pk=first.pk).state == "waiting"
    assert Message.objects.get(pk=second.pk).state == "handed_over"
    assert Message.objects.get(pk=third.pk).state == "ignored"


def test_people_are_called_to_words_that_they_were_never_told_of(channel: Any) -> None:
    row = ConversationFactory(channel=channel, status="support_active")
    MessageFactory(conversation=row, state="waiting")
    last = MessageFactory(conversation=row, state="waiting")

    assert reconcile(channel.account).stranded == 2
    assert reconcile(channel.account).stranded == 0

    escalation = Escalation.objects.get()
    assert (escalation.question, escalation.state) == (last, "open")
    assert escalation.reason == "people_reply"
    assert escalation.due_at is not None
    row.refresh_from_db()
    assert row.needs_person
    assert row.seq == 1


def test_replies_get_the_end_that_their_parts_have(conversation: Conversation) -> None:
    def reply(*states: str) -> Message:
        row: Message = MessageFactory(
            conversation=conversation, author="assistant", state="sending"
        )
        for part, state in enumerate(states):
            row.deliveries.create(
                account=row.account,
                conversation=conversation,
                part=part,
                state=state,
                due_at=timezone.now(),
            )
        return row

    rows = [reply("sent", "sent"), reply("sent", "failed"), reply("sent", "waiting")]
    Message.objects.update(created_at=timezone.now() - dt.timedelta(minutes=5))
    fresh = reply("sent")

    found = reconcile(conversation.account)

    assert found.unfinished == 2
    for row in (*rows, fresh):
        row.refresh_from_db()
    assert [row.state for row in (*rows, fresh)] == [
        "sent", "failed", "sending", "sending",
    ]  # fmt: skip


def test_sync_keeps_to_its_accounts_and_says_what_it_cannot_do(
    alice: Any, channel: Any, chatwoot: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    chatwoot.credentials = {**chatwoot.credentials, "user_token": ""}
    chatwoot.save()
    foreign = ConversationFactory(channel=ChannelFactory())
    MessageFactory(conversation=foreign, state="waiting")

    call_command("ai_control", "sync", "--user", "alice")

    foreign.refresh_from_db()
    assert foreign.due_at is None
    assert "A bot's token may not list messages" in capsys.readouterr().out


# -- everything at once ------------------------------------------------------------


def test_the_setup_is_looked_at_as_a_whole(
    ready: Assistant, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script("401")

    with pytest.raises(CommandError, match="checks failed"):
        call_command("test_ai_setup", "--json")

    rows = json.loads(capsys.readouterr().out)
    results = {(row["check"], row["name"]): row["result"] for row in rows}
    assert results["service", "database"] == "healthy"
    assert results["provider", "openai gpt-6-luna"] == "failed"
    assert results["provider", "local extract"] == "works"
