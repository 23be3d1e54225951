"""Pages of the administration's lists."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from conversations.admin import ConversationAdmin
from conversations.models import Conversation
from conversations.tests.factories import ConversationFactory
from core.admin import BoundedPaginator

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

LIST = "/admin/conversations/conversation/"


def test_pages_follow_each_other_in_order(
    channel: Any, django_assert_num_queries: Callable[[int], Any]
) -> None:
    made = [ConversationFactory(channel=channel) for _ in range(7)]
    rows = Conversation.objects.select_related("contact").order_by("-id")
    paginator = BoundedPaginator(rows, 3)

    with django_assert_num_queries(7):
        pages = [list(paginator.page(number).object_list) for number in (1, 2, 3)]

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row for page in pages for row in page] == made[::-1]


def test_no_page_goes_beyond_what_is_counted(channel: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.admin.MOST_ROWS", 4)
    for _ in range(6):
        ConversationFactory(channel=channel)

    paginator = BoundedPaginator(Conversation.objects.order_by("-id"), 3)

    assert paginator.num_pages == 2
    assert len(paginator.page(2).object_list) == 1


def test_the_last_page_leads_to_what_is_older(
    channel: Any, alice: Any, client: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("core.admin.MOST_ROWS", 4)
    monkeypatch.setattr(ConversationAdmin, "list_per_page", 2)
    start = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    made = [
        ConversationFactory(channel=channel, last_message_at=start + dt.timedelta(n))
        for n in range(6)
    ]
    client.force_login(alice)
    query, seen = "?", []

    while query:
        lists = client.get(LIST + query).context["cl"]
        seen += list(lists.result_list)
        pages = lists.paginator.num_pages
        is_last = lists.page_num == pages
        query = lists.older if is_last else f"{query}&p={lists.page_num + 1}"

    assert list(dict.fromkeys(seen)) == made[::-1]


def test_a_list_that_is_sorted_otherwise_ends_where_it_ends(
    channel: Any, alice: Any, client: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("core.admin.MOST_ROWS", 1)
    for _ in range(2):
        ConversationFactory(channel=channel, last_message_at=timezone.now())
    client.force_login(alice)

    assert "Older ones" in client.get(LIST).content.decode()
    assert "Older ones" not in client.get(f"{LIST}?o=3").content.decode()
