"""Staff are told in Microsoft Teams: at once, summed up, and otherwise when it fails."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from ai_model import claiming, turns
from ai_model.exchange import Answer
from conversations.models import Conversation, Message
from conversations.tests.acting import say
from core.tests.network import eventually
from escalation import handling, ladder, rules
from escalation.models import Alert, Escalation, Rung
from escalation.tests.test_ladder import make, wait
from integrations.models import AlertTarget
from integrations.rehearsal.teams import TeamsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def teams(settings: Any) -> Iterator[TeamsServer]:
    with TeamsServer() as server:
        settings.TEAMS_WEBHOOK_URL = server.url
        settings.PUBLIC_URL = "https://desk.example"
        yield server


@pytest.fixture
def target(account: Any, teams: TeamsServer) -> AlertTarget:
    return AlertTarget.objects.create(
        account=account, service="teams", credentials={"url": teams.url}, lang="mn"
    )


def unanswered(channel: Any, reason: str, *, offers: bool = False) -> Escalation:
    """A question that the assistant has settled like this."""
    say(channel, "Хүргэлт хэд вэ?")
    Conversation.objects.update(due_at=timezone.now())
    (claimed,), _ = claiming.claim(7, 10)
    answer = Answer(
        "…", Message.State.HANDED_OVER, reason, "mn",
        hands_off=not offers, offers_person=offers,
    )  # fmt: skip
    turns.settle([(claimed, answer, False)])
    return Escalation.objects.get()


def titles(teams: TeamsServer) -> list[str]:
    return [each["body"][0]["text"] for each in teams.cards]


# --- Which reasons ------------------------------------------------------------


@pytest.mark.parametrize(
    "reason",
    ["error", "timeout", "provider_error", "no_provider", "asked_for_person", "budget"],
)
def test_what_fails_is_told_at_once(
    target: AlertTarget, channel: Any, reason: str
) -> None:
    row = unanswered(channel, reason)

    wait(row, 0)

    assert Alert.objects.get().destination == "teams"


@pytest.mark.parametrize("reason", ["no_results", "low_confidence"])
def test_where_nothing_was_found_staff_hear_of_it_before_the_customer_says_yes(
    target: AlertTarget, channel: Any, reason: str
) -> None:
    row = unanswered(channel, reason, offers=True)
    wait(row, 0)

    assert (row.state, Alert.objects.get().destination) == ("offered", "teams")

    handling.decline(row.conversation)
    row.refresh_from_db()
    assert (row.state, row.due_at) == ("declined", None)


def test_without_teams_an_offer_tells_nobody(channel: Any, mailbox: Any) -> None:
    assert unanswered(channel, "no_results", offers=True).due_at is None


def test_no_ticket_is_made_of_what_was_only_offered(
    target: AlertTarget, channel: Any, account: Any
) -> None:
    for position, destination in enumerate(("teams", "ticket"), start=1):
        Rung.objects.create(account=account, position=position, destination=destination)
    row = unanswered(channel, "no_results", offers=True)

    wait(row, 0)
    wait(row, 10)

    row.refresh_from_db()
    assert not hasattr(row, "ticket")
    assert row.due_at is None


# --- The ladder ---------------------------------------------------------------


def test_with_teams_it_comes_first_and_e_mail_when_nobody_reacts(
    target: AlertTarget, channel: Any, mailbox: Any
) -> None:
    row = make(channel)

    assert [each.destination for each in rules.rungs_of(row)] == ["teams", "email"]
    wait(row, 0)
    wait(row, rules.DEFAULT_WAIT)
    assert [each.destination for each in Alert.objects.order_by("rung")] == [
        "teams",
        "email",
    ]


def test_another_accounts_teams_hears_nothing(
    target: AlertTarget, channel: Any, charlie: Any
) -> None:
    AlertTarget.objects.update(account=charlie.accounts.get())

    assert "teams" not in [each.destination for each in rules.rungs_of(make(channel))]


def test_a_card_reaches_the_channel(
    engine: Any, target: AlertTarget, teams: TeamsServer, chatwoot: Any, mailbox: Any
) -> None:
    AlertTarget.objects.update(quiet_until=timezone.now() + dt.timedelta(hours=1))
    row = make(chatwoot)
    Conversation.objects.update(address={"conversation": "418"})
    AlertTarget.objects.update(quiet_until=None)

    eventually(lambda: Alert.objects.filter(state="done").exists())

    (card,) = teams.cards
    assert titles(teams) == ["🚨 Хэрэглэгч ажилтантай холбогдохыг хүсч байна"]
    assert [each["title"] for each in card["actions"]] == [
        "Chatwoot дээр харах", "Яриаг нээх", "Би хариуцъя",
    ]  # fmt: skip
    assert card["actions"][0]["url"].endswith("/app/accounts/3/conversations/418")
    row.refresh_from_db()
    # Handed over is not read: it climbs on.
    assert row.due_at is not None


def test_a_refused_flow_is_told_by_e_mail_with_the_reason(
    engine: Any, target: AlertTarget, teams: TeamsServer, channel: Any, alice: Any,
    mailbox: Any,
) -> None:  # fmt: skip
    alice.email = "alice@shop.example"
    alice.save()
    teams.faults.append("401")

    make(channel)
    (letter,) = mailbox.wait_for()

    assert "(401)" in letter.get_body(["plain"]).get_content()
    target.refresh_from_db()
    assert "(401)" in target.error
    assert "sig=" not in target.error


def test_after_three_attempts_it_goes_another_way(
    engine: Any, target: AlertTarget, teams: TeamsServer, channel: Any
) -> None:
    teams.faults.extend(["503", "hang_up", "500"])

    make(channel)

    eventually(lambda: Alert.objects.filter(state="failed").exists())
    assert len(teams.calls) == 3
    assert teams.cards == []


# --- Bursts -------------------------------------------------------------------


def test_a_burst_becomes_one_card(
    engine: Any, target: AlertTarget, teams: TeamsServer, channel: Any
) -> None:
    AlertTarget.objects.update(quiet_until=timezone.now() + dt.timedelta(hours=1))
    for _ in range(5):
        make(channel)
    eventually(lambda: Alert.objects.count() == 5)
    assert teams.calls == []

    AlertTarget.objects.update(quiet_until=None)

    eventually(lambda: Alert.objects.filter(state="done").count() == 5)
    assert titles(teams) == ["🚨 Ажилтан хүлээж буй хэрэглэгч: 5"]
    target.refresh_from_db()
    assert target.quiet_until is not None


def test_what_was_taken_meanwhile_is_not_told(
    engine: Any, target: AlertTarget, teams: TeamsServer, channel: Any
) -> None:
    AlertTarget.objects.update(quiet_until=timezone.now() + dt.timedelta(hours=1))
    row = make(channel)
    eventually(Alert.objects.exists)

    Escalation.objects.filter(pk=row.pk).update(acknowledged_at=timezone.now())

    eventually(lambda: Alert.objects.get().state == "done")
    assert teams.calls == []
    assert ladder._due() == []
