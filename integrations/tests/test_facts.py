"""Adapters are remembered for a few seconds, so that a webhook costs no query."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from integrations import facts
from integrations.adapters.chatwoot import ChatwootAdapter
from integrations.facts import AdapterCache


def test_an_adapter_knows_its_channel(chatwoot: Any) -> None:
    adapter = facts.adapter_of(chatwoot)

    assert isinstance(adapter, ChatwootAdapter)
    assert adapter.channel.id == chatwoot.pk
    assert adapter.channel.account_id == chatwoot.account_id
    assert adapter.channel.credentials["bot_token"] == "bot-token"


def test_a_loaded_adapter_is_known_until_its_time_is_up(
    channel: Any, monkeypatch: Any, django_assert_num_queries: Any
) -> None:
    cache, name = AdapterCache(), str(channel.uuid)
    assert cache.peek(name) == (False, None)

    loaded = cache.load(name)

    with django_assert_num_queries(0):
        assert cache.peek(name) == (True, loaded)
    now = facts.time.monotonic()
    monkeypatch.setattr(facts.time, "monotonic", lambda: now + facts.TTL_S + 1)
    assert cache.peek(name) == (False, None)


@pytest.mark.parametrize("name", [str(uuid.uuid4()), "not a uuid", ""])
def test_what_does_not_exist_is_remembered_too(db: None, name: str) -> None:
    cache = AdapterCache()

    assert cache.load(name) is None

    assert cache.peek(name) == (True, None)


def test_a_channel_that_is_switched_off_has_no_adapter(channel: Any) -> None:
    channel.is_active = False
    channel.save()

    assert AdapterCache().load(str(channel.uuid)) is None


def test_the_cache_stays_small(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(facts, "_MOST", 3)
    cache = AdapterCache()

    for number in range(10):
        cache.load(f"name {number}")

    assert len(cache._rows) == 3
    assert cache.peek("name 9") == (True, None)


def test_a_cleared_cache_knows_nothing(channel: Any) -> None:
    cache = AdapterCache()
    cache.load(str(channel.uuid))

    cache.clear()

    assert cache.peek(str(channel.uuid)) == (False, None)
