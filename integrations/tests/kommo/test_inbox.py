"""Kommo's calls, through the real ASGI application and its documented address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from core.tests.asgi import call
from integrations.models import Channel, Event
from integrations.rehearsal.kommo import ACCOUNT
from integrations.tests.adapters.test_kommo import as_form

if TYPE_CHECKING:
    from integrations.rehearsal.kommo import KommoServer

pytestmark = pytest.mark.django_db(transaction=True)

SHARED = "/api/kommo/chat/webhook"


@pytest.fixture
def known(kommo_channel: Channel) -> Channel:
    """A channel of which we know to which account it is connected."""
    kommo_channel.external_id = str(ACCOUNT)
    kommo_channel.save()
    return kommo_channel


def test_the_shared_address_finds_the_channel_by_the_token(
    known: Channel, kommo: KommoServer
) -> None:
    body = json.dumps(kommo.call("Hello")).encode()

    answer = call(SHARED, body)

    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert Event.objects.get().channel == known


def test_the_shared_address_takes_forms_and_a_channels_name(
    known: Channel, kommo: KommoServer
) -> None:
    answer = call(SHARED, as_form(kommo.call("Hello")), query=f"token={known.uuid}")

    assert answer.status == 200
    assert Event.objects.get().channel == known


def test_a_redelivery_is_stored_once(known: Channel, kommo: KommoServer) -> None:
    body = json.dumps(kommo.call("Hello")).encode()

    assert [call(path, body).status for path in (SHARED, known.webhook_path)] == [
        200,
        200,
    ]

    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("claims", "status"), [({"account_id": 5}, 404), ({"client_uuid": "other"}, 401)]
)
def test_a_foreign_call_is_not_stored(
    known: Channel, kommo: KommoServer, claims: dict[str, Any], status: int
) -> None:
    body = json.dumps(kommo.call("Hello", **claims)).encode()

    assert call(SHARED, body).status == status
    assert not Event.objects.exists()


def test_an_unsigned_call_needs_the_channels_own_address(
    known: Channel, kommo: KommoServer
) -> None:
    del known.credentials["secret_key"]
    known.save()
    body = json.dumps({**kommo.call("Hello"), "token": ""}).encode()

    assert call(SHARED, body).status == 404
    assert call(SHARED, body, query=f"token={known.uuid}").status == 200
    assert call(SHARED, b"<xml/>").status == 400
    assert call(SHARED, b"", method="GET").status == 405
