"""Leads of Kommo: what is known of them, who acted on them, and a bot that speaks."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from core.exceptions import (
    PermanentProviderError,
    TemporaryProviderError,
    UncertainProviderError,
)
from integrations.adapters.inbound import InboundTurnover, Turnover
from integrations.rehearsal.kommo_account import BOT_STAGE, CITY, FIELD, PIPELINE
from integrations.tests.adapters.test_kommo import outbound
from integrations.tests.adapters.test_kommo import read as read_call
from integrations.tests.adapters.test_kommo_hooks import SETTINGS, adapter, read

if TYPE_CHECKING:
    from integrations.adapters.base import Outbound
    from integrations.rehearsal.kommo import KommoServer

LEAD = 8812345


def written(kommo: KommoServer, text: str = "Where is my parcel?") -> Any:
    """What a customer wrote, as the account's webhook tells it."""
    (found,) = read(kommo.account.message(text))
    return found


def send(said: Outbound) -> str:
    return asyncio.run(adapter().send(said))


def holder(address: Any, settings: dict[str, Any] = SETTINGS) -> list[Any]:
    return asyncio.run(adapter(settings).look(f"lead-{LEAD}", address))


def test_a_reply_goes_through_the_field_which_is_empty_again(
    kommo: KommoServer,
) -> None:
    text = "It arrives tomorrow. " * 50

    send(outbound(written(kommo), text))

    assert kommo.seen == [text]
    assert kommo.account.written == [text, ""]
    assert kommo.account.lead(LEAD).fields[FIELD] == ""


def test_a_bot_that_waits_is_sent_on_and_no_other_is_run(kommo: KommoServer) -> None:
    message = read_call(kommo.call("Where is my parcel?"))

    send(outbound(message))

    assert kommo.seen == ["Yes."]
    assert kommo.account.written == []


def test_a_reply_to_a_bot_that_went_away_goes_through_the_field(
    kommo: KommoServer,
) -> None:
    message = read_call(kommo.call("Where is my parcel?"))
    kommo.waiting.clear()

    send(outbound(message, "Tomorrow."))

    assert kommo.seen == ["Tomorrow."]
    assert kommo.account.written[0] == "Tomorrow."
    assert kommo.notes == []


def test_without_the_bot_of_one_step_staff_get_a_note(kommo: KommoServer) -> None:
    kommo.account.can_run = False

    with pytest.raises(PermanentProviderError):
        send(outbound(written(kommo), "Tomorrow."))

    assert kommo.seen == []
    assert "Tomorrow." in kommo.notes[0]


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "500", "500_after"])
def test_a_reply_in_doubt_is_seen_once(kommo: KommoServer, fault: str) -> None:
    said = outbound(written(kommo))
    kommo.faults.append(fault)
    with pytest.raises((UncertainProviderError, TemporaryProviderError)):
        send(said)

    if asyncio.run(adapter().find_sent(said)) is None:
        send(said)

    assert kommo.seen == ["Yes."]


def test_a_persons_reply_in_doubt_is_left_to_a_person(kommo: KommoServer) -> None:
    said = outbound(written(kommo), is_by_person=True)
    assert asyncio.run(adapter().find_sent(said)) is None
    send(said)

    with pytest.raises(PermanentProviderError, match="look in Kommo"):
        asyncio.run(adapter().find_sent(said))


def test_the_newest_act_says_whose_a_lead_is(kommo: KommoServer) -> None:
    address = written(kommo).address
    now = int(time.time())
    assert holder(address) == []

    kommo.account.note("outgoing_chat_message", LEAD, 77, created_at=now + 1)
    (found,) = holder(address)
    assert found.turnover is Turnover.TO_SUPPORT

    kommo.account.move(LEAD, BOT_STAGE)
    kommo.events[0]["created_at"] = now + 2
    (found,) = holder(address)
    assert found.turnover is Turnover.TO_ASSISTANT
    assert found.reason == "stage_handed_back"
    assert found.read_at.timestamp() == now + 2

    kommo.account.note("outgoing_chat_message", LEAD, 77, created_at=now + 3)
    (found,) = holder(address)
    assert isinstance(found, InboundTurnover)
    assert found.turnover is Turnover.TO_SUPPORT


def test_a_stage_that_nobody_chose_gives_nothing_back(kommo: KommoServer) -> None:
    address = written(kommo).address
    kommo.account.move(LEAD, BOT_STAGE)

    assert holder(address, {}) == []
    assert holder(address, {"stage": f"{PIPELINE}:1"}) == []


def test_only_what_the_owner_allowed_is_known_of_a_lead(kommo: KommoServer) -> None:
    address = written(kommo).address
    kommo.account.lead(LEAD).name = "Order\n17"
    kommo.account.lead(LEAD).fields.update({CITY: "Darkhan", FIELD: "A reply"})
    stages = [[f"{PIPELINE}:{kommo.account.lead(LEAD).stage}", "Sales · New"]]
    settings = {"about_fields": [CITY], "choices": {"stages": stages}}

    assert asyncio.run(adapter(settings).about(address)) == {}
    assert kommo.calls == []
    allowed = adapter({**settings, "about": True})

    assert asyncio.run(allowed.about(address)) == {
        "Lead": "Order 17",
        "Stage": "Sales · New",
        "City": "Darkhan",
    }
