"""Lists as files: complete, within the account, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from accounts import confirming, exporting
from accounts.models import Change
from conversations.tests.factories import MessageFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User
    from conversations.models import Conversation

pytestmark = pytest.mark.django_db

LIST = "admin:conversations_message_changelist"


def export(client: Client, **values: Any) -> str:
    response: Any = client.post(reverse(LIST), {"action": "export", **values})
    return b"".join(response.streaming_content).decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_what_a_customer_wrote_is_no_formula(
    client: Client, alice: User, conversation: Conversation, text: str
) -> None:
    message = MessageFactory(conversation=conversation, text=text)
    client.force_login(alice)

    body = export(client, confirmed="csv", _selected_action=[message.pk])

    (row,) = csv.DictReader(io.StringIO(body.removeprefix("\ufeff")))
    assert row["text"] == f"'{text}"


def test_json_keeps_what_was_written(
    client: Client, alice: User, conversation: Conversation
) -> None:
    rows = [MessageFactory(conversation=conversation, text=f"=“{n}”") for n in range(3)]
    client.force_login(alice)

    found = json.loads(
        export(client, confirmed="json", _selected_action=[row.pk for row in rows])
    )

    assert {each["text"] for each in found} == {row.text for row in rows}
    assert exporting.as_json(["a"], []).__next__() == "[]\n"


def test_the_page_before_offers_all_that_the_list_shows(
    client: Client, alice: User, conversation: Conversation
) -> None:
    rows = [MessageFactory(conversation=conversation) for _ in range(20)]
    client.force_login(alice)
    values = {"select_across": "1", "_selected_action": [rows[0].pk]}

    page = client.post(reverse(LIST), {"action": "export", **values})
    body = export(client, confirmed="csv", **values)

    assert "20 rows are affected" in page.content.decode()
    assert len(body.splitlines()) == 21
    line = Change.objects.get(verb="export")
    assert (line.user, line.values["count"]) == (alice, [None, 20])


def test_too_many_rows_are_not_acted_on(
    client: Client, alice: User, conversation: Conversation, monkeypatch: Any
) -> None:
    monkeypatch.setattr(confirming, "MOST", 2)
    rows = [MessageFactory(conversation=conversation, state="failed") for _ in range(3)]
    client.force_login(alice)

    response = client.post(
        reverse(LIST),
        {"action": "ask_again", "_selected_action": [row.pk for row in rows]},
        follow=True,
    )

    assert "Select at most 2 rows at a time." in response.content.decode()
