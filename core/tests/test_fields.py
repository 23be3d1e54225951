"""Encrypted columns."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from core import checks
from integrations.models import Channel

SECRET = {"bot_token": "s3cret-ö", "n": "1"}


def stored(channel: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT credentials FROM integrations_channel WHERE id = %s", [channel.pk]
        )
        return str(cursor.fetchone()[0])


@pytest.fixture
def secretive(channel: Any) -> Any:
    channel.credentials = SECRET
    channel.save()
    return channel


def test_the_database_holds_no_plain_text(secretive: Any) -> None:
    assert "s3cret" not in stored(secretive)
    assert Channel.objects.get(pk=secretive.pk).credentials == SECRET


def test_the_same_value_is_never_stored_twice_alike(secretive: Any) -> None:
    before = stored(secretive)

    secretive.save()

    assert stored(secretive) != before


def test_a_new_key_in_front_still_reads_old_values(
    secretive: Any, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.FIELD_ENCRYPTION_KEYS,
    ]

    assert Channel.objects.get(pk=secretive.pk).credentials == SECRET


def test_a_missing_key_is_named_as_the_mistake_it_is(
    secretive: Any, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(ImproperlyConfigured, match=r"Channel\.credentials"):
        Channel.objects.get(pk=secretive.pk)


@pytest.mark.parametrize("keys", [["short"], ["", "x"]], ids=["short", "blank"])
def test_a_key_that_is_none_shows_at_start(settings: Any, keys: list[str]) -> None:
    settings.FIELD_ENCRYPTION_KEYS = keys

    (found,) = checks.encryption_keys_are_usable()

    assert found.id == "core.E001"


def test_good_keys_show_nothing() -> None:
    assert checks.encryption_keys_are_usable() == []


def test_fixtures_hold_no_secrets(secretive: Any) -> None:
    assert "s3cret" not in serializers.serialize("json", [secretive])
