"""Webhooks of an account of Kommo: whose they are, and what is read out of them."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest

from core.exceptions import InvalidSignature
from integrations.adapters.base import WebhookRequest
from integrations.adapters.inbound import InboundMessage, InboundTurnover, Turnover
from integrations.adapters.kommo import KommoAdapter
from integrations.rehearsal.kommo_account import (
    BOT_STAGE,
    FIELD,
    NEW_STAGE,
    PIPELINE,
    RUN_BOT,
)
from integrations.tests.adapters.test_kommo import adapter as plain

if TYPE_CHECKING:
    from integrations.rehearsal.kommo import KommoServer

TOKEN = "a-secret-of-the-webhook"
SETTINGS = {"bot": RUN_BOT, "field": FIELD, "stage": f"{PIPELINE}:{BOT_STAGE}"}


def adapter(settings: dict[str, Any] = SETTINGS, **changes: str) -> KommoAdapter:
    known = plain(hook_token=TOKEN, **changes).channel
    return KommoAdapter(dataclasses.replace(known, settings=settings))


def request(body: bytes, token: str = TOKEN) -> WebhookRequest:
    return WebhookRequest(headers={}, query={}, body=body, path_token=token)


def changed(body: bytes, **values: str) -> bytes:
    """The form with other values; names are as in `account[id]`."""
    fields = dict(parse_qsl(body.decode()))
    return urlencode({**fields, **values}).encode()


def read(body: bytes, to: KommoAdapter | None = None) -> list[Any]:
    found = to or adapter()
    return found.parse(found.decode(body))


def key_of(body: bytes, to: KommoAdapter | None = None) -> str:
    found = to or adapter()
    return found.delivery_key(request(body), found.decode(body))


@pytest.mark.parametrize("token", ["", "another-secret-of-it"])
def test_the_secret_of_the_address_is_the_key(kommo: KommoServer, token: str) -> None:
    body = kommo.account.message("Hello")
    adapter().verify(request(body))

    with pytest.raises(InvalidSignature):
        adapter().verify(request(body, token))


def test_where_no_webhook_was_set_up_none_is_believed(kommo: KommoServer) -> None:
    with pytest.raises(InvalidSignature):
        plain().verify(request(kommo.account.message("Hello"), ""))


@pytest.mark.parametrize(
    "values", [{"account[id]": "5"}, {"account[subdomain]": "other"}], ids=str
)
def test_a_webhook_of_another_account_is_refused(
    kommo: KommoServer, values: dict[str, str]
) -> None:
    with pytest.raises(InvalidSignature):
        adapter().verify(request(changed(kommo.account.message("Hello"), **values)))


def test_an_account_that_we_do_not_know_yet_is_refused(kommo: KommoServer) -> None:
    with pytest.raises(InvalidSignature):
        adapter(account_id="").verify(request(kommo.account.message("Hello")))


def test_every_message_of_a_webhook_is_read(kommo: KommoServer) -> None:
    first = kommo.account.message("One")
    second = kommo.account.message("Two").replace(b"%5B0%5D", b"%5B7%5D")

    found = read(first + b"&" + second)

    assert [each.text for each in found] == ["One", "Two"]
    assert {each.conversation_id for each in found} == {"lead-8812345"}
    assert len({each.external_id for each in found}) == 2
    assert found[0].contact_name == "Bat"
    assert found[0].address["number"] == "8812345"


def test_what_came_beside_the_words_can_be_fetched(kommo: KommoServer) -> None:
    more = {
        "attachment[type]": "picture",
        "attachment[link]": "https://files.example/a.jpg",
        "attachment[file_name]": "a.jpg",
    }

    (found,) = read(kommo.account.message("", **more))

    (attached,) = found.attachments
    assert (attached.kind, attached.url) == ("image", "https://files.example/a.jpg")


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "outgoing"},
        {"author[type]": "internal"},
        {"entity_type": "unsorted", "element_type": ""},
        {"entity_id": "x"},
        {"created_at": str(int(time.time()) - 3600)},
    ],
    ids=lambda each: str(list(each)[0]),
)
def test_what_no_customer_has_just_written_is_nothing(
    kommo: KommoServer, changes: dict[str, str]
) -> None:
    assert key_of(kommo.account.message("Hello", **changes)) == ""


def test_messages_are_nothing_where_we_cannot_reply_to_them(
    kommo: KommoServer,
) -> None:
    without = adapter({"stage": SETTINGS["stage"]})

    assert key_of(kommo.account.message("Hello"), without) == ""
    assert read(kommo.account.message("Hello"), without) == []


def test_a_redelivery_has_the_same_name(kommo: KommoServer) -> None:
    body = kommo.account.message("Hello")

    assert key_of(body) == key_of(body)
    assert key_of(body) != key_of(kommo.account.message("Hello"))


def test_both_ways_know_of_each_other(kommo: KommoServer) -> None:
    (hook,) = read(kommo.account.message("Hello"))
    call = adapter().parse(kommo.call("Hello"))[0]
    assert isinstance(call, InboundMessage)

    assert call.external_id.startswith(hook.twin)
    assert hook.external_id.startswith(call.twin)
    assert hook.twin_wait_s > 0
    (alone,) = read(kommo.account.message("Hello"), adapter(secret_key=""))
    assert alone.twin_wait_s == 0


def test_a_lead_in_the_stage_may_have_been_given_back(kommo: KommoServer) -> None:
    body = kommo.account.move(8812345, BOT_STAGE)

    assert key_of(body)
    (found,) = read(body)
    assert found == InboundTurnover(
        "lead-8812345", Turnover.TO_ASSISTANT, reason="stage_handed_back"
    )
    # Nobody takes its word: it does not say when anybody looked.
    assert found.read_at is None
    assert not found.is_persons


@pytest.mark.parametrize("chosen", [{}, {"stage": f"{PIPELINE}:1"}], ids=str)
def test_any_other_stage_is_nothing(kommo: KommoServer, chosen: dict[str, Any]) -> None:
    body = kommo.account.move(8812345, BOT_STAGE)
    same = kommo.account.move(8812345, BOT_STAGE)

    assert key_of(body, adapter(chosen)) == ""
    assert key_of(same) == ""
    assert key_of(kommo.account.move(8812345, NEW_STAGE)) == ""
