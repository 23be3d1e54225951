"""What changes on a desk is read and told upwards, each thing once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from core import http
from core.exceptions import TemporaryProviderError
from core.tests.network import eventually
from integrations import following, tasks
from integrations.desks import limits
from integrations.models import FollowedTicket
from integrations.signals import ticket_changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.desks.base import TicketNews
    from integrations.models import Desk
    from integrations.rehearsal.freshdesk import FreshdeskServer


@pytest.fixture
def told() -> Iterator[list[TicketNews]]:
    """What the apps above are told."""
    found: list[TicketNews] = []

    def keep(news: TicketNews, **_: Any) -> None:
        found.append(news)

    ticket_changed.connect(keep)
    yield found
    ticket_changed.disconnect(keep)


@pytest.fixture
def ticket(desk: Desk, freshdesk: FreshdeskServer) -> FollowedTicket:
    """Ticket 101, which we made."""
    freshdesk.tickets.add({"status": 2})
    following.follow(desk, "101")
    return FollowedTicket.objects.get()


def read_due() -> int:
    """Read what is due, as the worker does; returns how many."""
    claimed = following.claim()
    for each in claimed:
        news = http.run(each.desk.adapter.read(each.external_id))
        following.keep(each, news)
    return len(claimed)


def replies(told: list[TicketNews]) -> list[str]:
    return [reply.text for news in told for reply in news.replies]


def test_a_ticket_is_followed_once(desk: Desk, ticket: FollowedTicket) -> None:
    following.follow(desk, "101")

    assert FollowedTicket.objects.count() == 1
    assert following.claim() == []


def test_each_reply_is_told_once(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer, told: Any
) -> None:
    freshdesk.tickets.say(101, "one")
    following.notice(desk, ["101"])
    read_due()
    freshdesk.tickets.say(101, "two")
    for _ in range(3):
        following.notice(desk, ["101"])
        read_due()

    assert replies(told) == ["one", "two"]
    assert len(told) == 2


def test_a_change_of_status_is_told_with_the_solution(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer, told: Any
) -> None:
    freshdesk.tickets.say(101, "Shelf 4.")
    freshdesk.tickets.change(101, status=4)
    following.notice(desk, ["101"])
    read_due()

    (news,) = told
    assert (news.status, news.solution) == ("solved", "Shelf 4.")


def test_our_own_note_changes_nothing(
    desk: Desk, ticket: FollowedTicket, told: Any
) -> None:
    http.run(desk.adapter.note("101", "<p>ours</p>"))
    following.notice(desk, ["101"])

    assert read_due() == 1
    assert told == []


def test_a_ticket_that_is_not_ours_is_never_read(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer
) -> None:
    freshdesk.tickets.add({})

    assert following.notice(desk, ["102", "999"]) == 0
    assert read_due() == 0
    assert freshdesk.calls == []


def test_a_ticket_that_is_gone_is_told_and_forgotten(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer, told: Any
) -> None:
    freshdesk.tickets.change(101, deleted=True)
    following.notice(desk, ["101"])
    read_due()

    assert [news.status for news in told] == ["gone"]
    assert not FollowedTicket.objects.exists()


def test_older_news_do_not_overtake_a_newer_hint(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer, told: Any
) -> None:
    following.notice(desk, ["101"])
    (slow,) = following.claim()
    before = http.run(desk.adapter.read("101"))
    freshdesk.tickets.say(101, "meanwhile")
    freshdesk.tickets.change(101, status=4)
    following.notice(desk, ["101"])

    following.keep(slow, before)
    assert read_due() == 1
    following.keep(slow, before)

    assert [news.status for news in told] == ["solved"]
    assert FollowedTicket.objects.get().status == "solved"


def test_what_one_worker_reads_no_other_takes(
    desk: Desk, ticket: FollowedTicket
) -> None:
    following.notice(desk, ["101"])

    assert len(following.claim()) == 1
    assert following.claim() == []


def test_what_a_dead_worker_held_is_taken_again(
    desk: Desk, ticket: FollowedTicket
) -> None:
    following.notice(desk, ["101"])
    following.claim()
    past = timezone.now() - dt.timedelta(seconds=1)
    FollowedTicket.objects.update(due_at=past)

    assert len(following.claim()) == 1


def test_a_receiver_that_fails_loses_nothing(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer, told: Any
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("a bug above")

    freshdesk.tickets.say(101, "one")
    following.notice(desk, ["101"])
    (claimed,) = following.claim()
    news = http.run(desk.adapter.read("101"))
    ticket_changed.connect(fail)
    try:
        with pytest.raises(RuntimeError) as caught:
            following.keep(claimed, news)
    finally:
        ticket_changed.disconnect(fail)
    told.clear()
    following.put_off(claimed, caught.value)

    FollowedTicket.objects.update(due_at=timezone.now())
    read_due()

    assert replies(told) == ["one"]


def test_a_desk_that_refuses_us_is_marked(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer
) -> None:
    following.notice(desk, ["101"])
    (claimed,) = following.claim()
    claimed.desk.credentials = {**desk.credentials, "api_key": "revoked"}
    with pytest.raises(Exception, match="API key") as caught:
        http.run(claimed.desk.adapter.read("101"))

    following.put_off(claimed, caught.value)

    desk.refresh_from_db()
    ticket.refresh_from_db()
    assert "API key" in desk.error
    assert ticket.due_at is not None
    assert ticket.due_at > timezone.now()

    following.notice(desk, ["101"])
    read_due()

    desk.refresh_from_db()
    assert desk.error == ""


def test_a_desk_that_is_busy_is_asked_when_it_says(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer
) -> None:
    freshdesk.limit, freshdesk.retry_after_s = 1, 300
    http.run(desk.adapter.check())
    limits.clear()
    following.notice(desk, ["101"])
    (claimed,) = following.claim()
    with pytest.raises(TemporaryProviderError) as caught:
        http.run(claimed.desk.adapter.read("101"))

    following.put_off(claimed, caught.value)

    ticket.refresh_from_db()
    assert ticket.due_at is not None
    assert 290 < (ticket.due_at - timezone.now()).total_seconds() <= 300


def test_a_paused_desk_is_left_alone(desk: Desk, ticket: FollowedTicket) -> None:
    following.notice(desk, ["101"])
    desk.is_active = False
    desk.save()

    assert following.claim() == []


def test_the_poll_finds_what_no_webhook_told(
    desk: Desk, ticket: FollowedTicket, freshdesk: FreshdeskServer, told: Any
) -> None:
    freshdesk.tickets.add({})
    freshdesk.tickets.say(101, "unheard")

    tasks.poll_desk(desk.pk)
    read_due()

    desk.refresh_from_db()
    assert replies(told) == ["unheard"]
    assert desk.polled_at is not None
    tasks.poll_desk(desk.pk)
    since = freshdesk.calls[-1].query["updated_since"]
    at = dt.datetime.fromisoformat(since)
    assert desk.polled_at - at < dt.timedelta(minutes=1, seconds=2)


def test_a_poll_that_fails_looks_from_the_same_time_again(
    desk: Desk, ticket: FollowedTicket
) -> None:
    desk.credentials = {**desk.credentials, "api_key": "revoked"}
    desk.save()

    tasks.poll_desk(desk.pk)

    desk.refresh_from_db()
    assert desk.polled_at is None


def test_desks_without_tickets_are_not_polled(
    desk: Desk, monkeypatch: Any, ticket: FollowedTicket
) -> None:
    from integrations.tests.factories import DeskFactory

    DeskFactory(account=desk.account)
    asked: list[Any] = []
    monkeypatch.setattr(
        tasks.poll_desk, "apply_async", lambda args, **_: asked.append(args)
    )

    tasks.poll_desks()

    assert asked == [(desk.pk,)]


def test_the_worker_reads_by_itself(
    transactional_db: None, engine: Any, desk: Desk, freshdesk: Any, told: Any
) -> None:
    freshdesk.tickets.add({"status": 3})
    following.follow(desk, "101")
    following.follow(desk, "999")
    following.notice(desk, ["101", "999"])

    eventually(lambda: len(told) == 2)

    assert {news.external_id: news.status for news in told} == {
        "101": "pending",
        "999": "gone",
    }
