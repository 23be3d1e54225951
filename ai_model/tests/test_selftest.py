"""Every twelve hours each configured provider is really asked something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from accounts.tests.factories import AccountFactory
from ai_model import tasks
from ai_model.models import Assistant, ProviderTest
from ai_model.tests.loopback import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[ModelServer]:
    settings.GEMINI_API_KEY = ""
    settings.OPENAI_MODEL = ""
    with ModelServer() as running:
        settings.OPENAI_API_KEY = "key-1"
        settings.OPENAI_BASE_URL = f"{running.url}/v1"
        settings.OPENAI_API_STYLE = "chat"
        yield running


@pytest.fixture
def assistant(account: Account, alice: Any) -> Assistant:
    alice.email = "alice@shop.example"
    alice.save()
    return Assistant.objects.create(account=account, chain=["openai"])


def fail(server: ModelServer) -> None:
    server.script("401")


def test_the_result_of_each_model_in_use_is_kept(
    server: ModelServer, assistant: Assistant
) -> None:
    assert tasks.test_providers() == {"tested": 2, "failed": 0}

    row = ProviderTest.objects.get()
    assert (row.provider, row.works, row.quota) == ("openai", True, "ok")
    assert row.failing_since is None
    assert len(server.requests) == 1


def test_two_accounts_with_one_model_cost_one_call(
    server: ModelServer, assistant: Assistant
) -> None:
    Assistant.objects.create(account=AccountFactory(), chain=["openai"])

    tasks.test_providers()

    assert len(server.requests) == 1
    assert ProviderTest.objects.count() == 2


def test_a_failure_that_a_second_try_heals_is_none(
    server: ModelServer, assistant: Assistant, mailbox: Any
) -> None:
    server.script("500", "ok")

    assert tasks.test_providers()["failed"] == 0

    assert ProviderTest.objects.get().works
    assert mailbox.wait_for(0) == []


def test_owners_are_told_once_when_it_begins_to_fail_and_once_when_it_works_again(
    server: ModelServer, assistant: Assistant, mailbox: Any
) -> None:
    fail(server)
    tasks.test_providers()
    since = ProviderTest.objects.get().failing_since
    tasks.test_providers()
    assert ProviderTest.objects.get().failing_since == since
    assert len(mailbox.wait_for()) == 1

    server.script("ok")
    tasks.test_providers()
    tasks.test_providers()

    failing, healed = mailbox.wait_for(2)
    assert failing["To"] == healed["To"] == "alice@shop.example"
    assert failing["Subject"] == "gpt-6-luna fails"
    assert "invalid_api_key" in failing.get_body(("plain",)).get_content()
    assert healed["Subject"] == "gpt-6-luna works again"
    assert ProviderTest.objects.get().failing_since is None


def test_what_could_not_be_told_is_told_the_next_time(
    server: ModelServer, assistant: Assistant, mailbox: Any
) -> None:
    mailbox.answers.append("451 Come back later")
    fail(server)

    tasks.test_providers()
    assert ProviderTest.objects.get().told_works
    tasks.test_providers()

    assert not ProviderTest.objects.get().told_works
    assert len(mailbox.wait_for()) == 1


def test_the_row_of_a_model_that_is_not_asked_any_more_goes(
    server: ModelServer, assistant: Assistant
) -> None:
    tasks.test_providers()
    assistant.model_names = {"openai": "gpt-6-sol"}
    assistant.save()

    tasks.test_providers()

    assert [row.model for row in ProviderTest.objects.all()] == ["gpt-6-sol"]
