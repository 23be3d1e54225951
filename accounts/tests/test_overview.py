"""The first page of the administration: what waits, for whom it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import overview
from ai_model.models import Assistant, Turn
from ai_model.tests.unanswered import ask
from conversations.models import Conversation, Delivery
from conversations.tests.factories import ConversationFactory
from escalation.tests.factories import escalated
from integrations.tests.factories import ChatwootChannelFactory

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User
    from integrations.models import Channel

pytestmark = pytest.mark.django_db

INDEX = "admin:index"


def figures(client: Client) -> dict[str, overview.Figure]:
    """The figures of the page by their label."""
    found: Any = client.get(reverse(INDEX)).context["overview"]
    return {str(each.label): each for each in (*found["now"], *found["today"])}


@pytest.fixture
def busy(channel: Channel) -> Conversation:
    """A conversation with one of all that an owner looks after."""
    channel.error = "401"
    channel.save()
    conversation = ConversationFactory(channel=channel, needs_person=True)
    turn = ask(channel, "Where?", conversation=conversation, state="handed_over")
    escalated(turn.conversation.messages.get(author="contact"))
    Delivery.objects.create(
        account=channel.account,
        conversation=conversation,
        text="Here.",
        state="failed",
        due_at=timezone.now(),
    )
    return conversation


def test_each_figure_leads_to_a_list_of_as_many_rows(
    client: Client, alice: User, busy: Conversation
) -> None:
    client.force_login(alice)

    found = figures(client)

    expected = {
        "Need a person": 1,
        "Open escalations": 1,
        "Failed deliveries": 1,
        "Broken channels": 1,
        "Handed over": 1,
        "Answered": 0,
    }
    assert {name: found[name].count for name in expected} == expected
    for figure in found.values():
        listed = client.get(figure.url)
        assert listed.context["cl"].result_count == figure.count, figure.label


def test_nobody_counts_the_rows_of_another_account(
    client: Client, charlie: User, busy: Conversation
) -> None:
    client.force_login(charlie)

    assert {each.count for each in figures(client).values()} == {0}


def test_a_superuser_sees_all_accounts(
    client: Client, admin_user: User, busy: Conversation, charlie: User
) -> None:
    other = ChatwootChannelFactory(account=charlie.accounts.get())
    ConversationFactory(channel=other, needs_person=True)
    client.force_login(admin_user)

    assert figures(client)["Need a person"].count == 2


def test_support_sees_what_support_may_read(
    client: Client, bob: User, busy: Conversation
) -> None:
    bob.is_staff = True
    bob.save()
    client.force_login(bob)

    found = figures(client)

    assert "Need a person" in found
    assert not {"Broken channels", "Answered", "Unanswered questions"} & set(found)
    page = client.get(reverse(INDEX)).context["overview"]
    assert not page["links"]
    assert not page["changes"]


def test_what_is_wrong_is_told_with_how_to_mend_it(
    client: Client, alice: User, busy: Conversation
) -> None:
    client.force_login(alice)

    html = client.get(reverse(INDEX)).content.decode()

    assert "The assistant answers." in html
    assert "the provider refuses us: 401" in html
    assert "Replace its credentials" in html
    assert "There is no published entry" in html


@pytest.mark.parametrize(
    ("outside_hours", "said"),
    [
        ("answer", "The assistant answers."),
        ("promise", "The assistant answers."),
        ("hand_over", "People reply: Outside business hours"),
        ("message", "People reply: Outside business hours"),
    ],
)
def test_who_answers_while_it_is_closed(
    client: Client, alice: User, account: Account, outside_hours: str, said: str
) -> None:
    never = {"mon": []}
    Assistant.objects.create(
        account=account, business_hours=never, outside_hours=outside_hours
    )
    client.force_login(alice)

    html = client.get(reverse(INDEX)).content.decode()

    assert said in html


def test_yesterdays_turns_are_not_todays(
    client: Client, alice: User, busy: Conversation
) -> None:
    Turn.objects.update(created_at=timezone.now() - timezone.timedelta(days=2))
    client.force_login(alice)

    assert figures(client)["Handed over"].count == 0


def test_the_page_asks_as_much_for_many_rows_as_for_few(
    client: Client, alice: User, account: Account, busy: Conversation
) -> None:
    client.force_login(alice)
    figures(client)
    with CaptureQueriesContext(connection) as few:
        figures(client)
    for _ in range(5):
        ConversationFactory(channel=busy.channel, needs_person=True)

    with CaptureQueriesContext(connection) as many:
        figures(client)

    assert len(many) == len(few) <= 45


def test_counting_stops(
    client: Client, alice: User, busy: Conversation, monkeypatch: Any
) -> None:
    monkeypatch.setattr(overview, "MOST", 2)
    for _ in range(5):
        ConversationFactory(channel=busy.channel, needs_person=True)
    client.force_login(alice)

    assert figures(client)["Need a person"].shown == "2+"


def test_others_add_links(client: Client, alice: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(overview, "_links", [])
    overview.link("Mine", "desk")
    overview.link("Only theirs", "desk", is_for_superusers=True)
    client.force_login(alice)

    html = client.get(reverse(INDEX)).content.decode()

    assert "Mine" in html
    assert "Only theirs" not in html
