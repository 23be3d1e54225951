"""Whoever follows docs/howto/add-a-provider.md has a provider that works."""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from conversations.models import Conversation, Message
from conversations.outbound import outbound_of
from conversations.tests.acting import commit
from core import http
from core.tests.asgi import call
from integrations import adapters, receiving
from integrations.facts import adapter_of
from integrations.models import Channel
from integrations.tests.adapters import cases, test_contract

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "howto" / "add-a-provider.md").read_text("utf-8")
ADAPTER, CASE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(LETTER,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def _pigeon(monkeypatch: Any) -> None:
    """What the page says, done."""
    module = types.ModuleType("integrations.adapters.pigeon")
    exec(compile(ADAPTER, "pigeon.py", "exec"), module.__dict__)  # noqa: S102
    monkeypatch.setitem(adapters.REGISTRY, "pigeon", module.PigeonAdapter)
    names = {**vars(cases), "payload": lambda *_: json.loads(LETTER)}
    monkeypatch.setitem(cases.CASES, "pigeon", eval(CASE, names))  # noqa: S307


@pytest.mark.parametrize(
    "sentence",
    [
        test_contract.test_facts_are_complete,
        test_contract.test_a_genuine_message_is_read,
        test_contract.test_a_wrong_secret_is_refused,
        test_contract.test_no_signature_is_refused,
        test_contract.test_secrets_can_be_rotated,
        test_contract.test_what_belongs_to_somebody_else_is_nothing_to_us,
        test_contract.test_a_redelivery_has_the_same_name_and_another_message_another,
        test_contract.test_a_long_text_is_split_without_loss,
        test_contract.test_odd_values_are_refused_or_read_and_never_break_it,
        test_contract.test_parts_that_are_missing_are_refused_or_read,
    ],
    ids=lambda sentence: sentence.__name__,
)
def test_it_keeps_to_the_contract(sentence: Any) -> None:
    sentence(key="pigeon")


@pytest.mark.django_db(transaction=True)
def test_its_letters_come_in_and_are_answered(account: Any, network: Any) -> None:
    words = ("base_url=https://loft.example", "loft=shop", "secret=coo")
    call_command("create_channel", "pigeon", "--account", account.name, "--set", *words)
    channel = Channel.objects.get()

    answer = call(
        channel.webhook_path, LETTER.encode(), headers={"x-pigeon-secret": "coo"}
    )
    receiving.work_off()
    conversation = Conversation.objects.get()
    commit(conversation, "Three days.")

    assert answer.status == 200
    assert Message.objects.get(author="contact").text == "Where is my parcel?"
    network.answer({"id": "p9"})
    sent = outbound_of(conversation.deliveries.get(), adapter_of(channel), {})
    assert http.run(adapter_of(channel).send(sent)) == "p9"
    assert network.bodies() == [{"to": "7", "text": "Three days."}]


def test_owners_find_it_in_the_portal(client: Any, alice: Any) -> None:
    client.force_login(alice)

    assert "Pigeon post" in client.get(reverse("portal")).content.decode()
