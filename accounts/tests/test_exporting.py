"""Lists as files: complete, within the account, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from accounts import confirming, exporting
from accounts.models import Change
from conversations.admin import MessageAdmin
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


def test_a_list_that_counts_no_further_does_not_name_that_number_as_all(
    client: Client, alice: User, conversation: Conversation, monkeypatch: Any
) -> None:
    monkeypatch.setattr("core.admin.MOST_ROWS", 4)
    monkeypatch.setattr(MessageAdmin, "list_per_page", 2)
    rows = [MessageFactory(conversation=conversation) for _ in range(3)]
    client.force_login(alice)
    values = {"action": "export", "select_across": "1", "_selected_action": rows[0].pk}

    counted = client.get(reverse(LIST)).content.decode()
    for _ in range(3):
        MessageFactory(conversation=conversation)
    listed = client.get(reverse(LIST)).content.decode()
    exported = client.post(reverse(LIST), values).content.decode()

    assert "Select all 3 messages" in counted
    assert "All 3 selected" in counted
    assert "Select all 4+ messages" in listed
    assert "All 4+ selected" in listed
    assert re.search(r"4\+ messages\s", listed)
    assert "6 rows are affected" in exported


def test_the_page_before_names_as_many_rows_as_the_file_holds(
    client: Client, alice: User, conversation: Conversation, monkeypatch: Any
) -> None:
    monkeypatch.setattr(exporting, "MOST_ROWS", 2)
    rows = [MessageFactory(conversation=conversation) for _ in range(4)]
    client.force_login(alice)
    values = {"select_across": "1", "_selected_action": rows[0].pk}

    page = client.post(reverse(LIST), {"action": "export", **values}).content.decode()
    body = export(client, confirmed="csv", **values)

    assert "2 rows are affected" in page
    assert "Only the first 2 rows fit into one file." in page
    assert len(body.splitlines()) == 3


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
