"""Analytics over HTTP: figures of a period, and the table in a file."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from ai_model.analytics import feeding, settling, times
from ai_model.models import Turn
from ai_model.tests.activity import Clock
from ai_model.tests.factories import answered_turn
from ai_model.tests.test_status_api import client_of
from conversations.models import Conversation, Message
from conversations.tests.factories import ConversationFactory, MessageFactory
from feedback.models import Feedback
from knowledge.models import Entry

if TYPE_CHECKING:
    from accounts.models import Account, User

pytestmark = pytest.mark.django_db

ANALYTICS = "/api/v1/ai/analytics/"
TABLE = "/api/v1/ai/analytics/csv/"


def get(user: User | None, path: str = ANALYTICS, **query: Any) -> Any:
    return client_of(user).get(path, query)


def answered(channel: Any, *, ms: int, confidence: float) -> Turn:
    turn = answered_turn(
        channel=channel, confidence=confidence, finished_at=timezone.now()
    )
    Message.objects.filter(pk=turn.reply_id).update(
        latency_ms=ms,
        reason="answered",
        confidence=confidence,
        sources=[{"entry_id": "delivery"}],
    )
    return turn


@pytest.fixture
def busy(channel: Any, chatwoot: Any, account: Account) -> None:
    """A day on two channels."""
    Entry.objects.create(
        account=account, external_id="delivery", title="Delivery", body="Three days."
    )
    first = answered(channel, ms=200, confidence=0.9)
    answered_turn(
        first.conversation,
        reason="low_confidence",
        confidence=0.4,
        finished_at=timezone.now(),
    )
    other = answered(chatwoot, ms=600, confidence=0.8)
    answered_turn(
        other.conversation,
        state=Turn.State.DROPPED,
        confidence=0.1,
        finished_at=timezone.now(),
    )
    MessageFactory(conversation=other.conversation, author=Message.Author.SUPPORT)
    ConversationFactory(channel=channel, status=Conversation.Status.CLOSED)
    assert first.reply is not None
    Feedback.objects.create(
        account=account,
        conversation=first.conversation,
        message=first.reply,
        rating="helpful",
    )


def test_analytics_count_what_happened(bob: User, busy: None) -> None:
    feeding.feed()

    found = get(bob, days=7).json()

    today = str(timezone.now().date())
    day = {
        "conversations": 3, "customer_messages": 4, "ai_messages": 4,
        "support_messages": 1, "answered": 2, "handed_over": 1, "confirmed": 0,
        "assumed": 0, "reopened": 0, "helpful": 1, "unhelpful": 0,
    }  # fmt: skip
    first = found.pop("first_response_ms")
    assert found.pop("counted_at") is not None
    assert first["p50"] == 25
    assert [
        (each["channel"], each["answered"], each["handed_over"])
        for each in found.pop("by_channel")
    ] == [("chatwoot", 1, 0), ("web", 1, 1)]
    assert [each["least"] for each in found.pop("confidence")] == [0.4, 0.8, 0.9]
    assert found == {
        "days": 7,
        "date_from": str(timezone.now().date() - dt.timedelta(days=6)),
        "date_to": today,
        "resolutions_until": None,
        "conversations": {"began": 3, "by_channel": {"chatwoot": 1, "web": 2}},
        "messages": {"customer": 4, "ai": 4, "support": 1},
        "answers": {
            "answered": 2,
            "handed_over": 1,
            "handed_over_by_reason": {"low_confidence": 1},
            "answered_share": 0.6667,
            "average_confidence": 0.7,
        },
        "response_time_ms": {"average": 400, "longest": 600, "p50": 250, "p95": 580},
        "resolutions": {
            "confirmed": 0, "assumed": 0, "reopened": 0,
            "time_ms": {"average": None, "p50": None, "p95": None},
        },
        "feedback": {"helpful": 1, "unhelpful": 0},
        "topics": [{"entry_id": "delivery", "title": "Delivery", "answers": 2}],
        "gaps": {"unanswered": 1, "open": 0},
        "by_day": [{"day": today, **day}],
    }  # fmt: skip


def test_analytics_are_narrowed_to_a_channel(bob: User, busy: None) -> None:
    feeding.feed()

    found = get(bob, channel="chatwoot").json()

    assert found["answers"]["handed_over"] == 0
    assert found["conversations"] == {"began": 1, "by_channel": {"chatwoot": 1}}
    assert get(bob, channel="api").json()["messages"]["customer"] == 0
    assert get(bob, channel="pigeon").status_code == 400


def test_analytics_leave_out_what_was_before(
    bob: User, channel: Any, monkeypatch: Any
) -> None:
    clock = Clock(monkeypatch)
    answered(channel, ms=200, confidence=0.9)
    clock.pass_by(days=7)
    feeding.feed()
    settling.settle()

    found = get(bob, days=7).json()

    assert found["conversations"]["began"] == 0
    assert found["messages"] == {"customer": 0, "ai": 0, "support": 0}
    assert found["answers"] == {
        "answered": 0, "handed_over": 0, "handed_over_by_reason": {},
        "answered_share": None, "average_confidence": None,
    }  # fmt: skip
    assert found["response_time_ms"]["longest"] is None
    assert (found["by_day"], found["confidence"], found["topics"]) == ([], [], [])
    whole = get(bob, days=8).json()
    assert whole["answers"]["answered"] == 1
    assert whole["resolutions"]["assumed"] == 1
    assert whole["resolutions_until"] == str(clock.now.date() - dt.timedelta(days=1))


def test_analytics_before_anything_was_counted_are_empty(bob: User, busy: None) -> None:
    found = get(bob).json()

    assert (found["counted_at"], found["by_day"]) == (None, [])


def test_analytics_take_the_same_queries_however_much_there_is(
    bob: User, busy: None, client: Any, django_assert_max_num_queries: Any
) -> None:
    feeding.feed()
    client.force_login(bob)

    with django_assert_max_num_queries(10):
        client.get(ANALYTICS)


def test_the_table_has_a_line_for_each_day_and_channel(
    bob: User, channel: Any, busy: None
) -> None:
    channel.name = "=HYPERLINK(1)"
    channel.save()
    feeding.feed()

    response = get(bob, TABLE, days=7)

    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert [each["channel"] for each in lines] == ["web", "chatwoot"]
    assert lines[0]["name"] == "'=HYPERLINK(1)"
    assert lines[0]["handed_over_low_confidence"] == "1"
    assert (lines[1]["replies"], lines[1]["response_ms_sum"]) == ("1", "600")


def test_the_table_of_nothing_has_its_head(bob: User, account: Account) -> None:
    lines = get(bob, TABLE).content.decode().splitlines()

    assert len(lines) == 1
    assert lines[0].startswith("day,channel,name,conversations")


@pytest.mark.parametrize("days", ["0", "367", "week", "-1"])
@pytest.mark.parametrize("path", [ANALYTICS, TABLE])
def test_a_period_that_is_none_is_refused(alice: User, path: str, days: str) -> None:
    found = get(alice, path, days=days)

    assert (found.status_code, list(found.json()["fields"])) == (400, ["days"])


@pytest.mark.parametrize("path", [ANALYTICS, TABLE])
def test_analytics_need_sign_in_and_are_read_only(alice: User, path: str) -> None:
    assert get(None, path).status_code == 401
    assert client_of(alice).post(path).status_code == 405


def test_analytics_of_others_are_not_shown(charlie: User, busy: None) -> None:
    feeding.feed()

    assert get(charlie).json()["messages"]["customer"] == 0
    assert len(get(charlie, TABLE).content.decode().splitlines()) == 1


@pytest.mark.parametrize(
    ("groups", "share", "expected"),
    [
        ({}, 0.5, None),
        ({1000: 10}, 0.5, 800),
        ({1000: 10}, 1.0, 1000),
        ({50: 1, 1000: 1}, 0.5, 50),
        ({times.LONGER: 3}, 0.5, times.BOUNDS[-1]),
    ],
)
def test_percentiles_are_read_from_groups(
    groups: dict[int, int], share: float, expected: int | None
) -> None:
    assert times.quantile(groups, share) == expected


def test_a_time_falls_into_its_group() -> None:
    spans = [dt.timedelta(milliseconds=ms) for ms in (0, 50, 51, 10**12)]

    assert [times.group_of_span(span) for span in spans] == [50, 50, 100, 0]
