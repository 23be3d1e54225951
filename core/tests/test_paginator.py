"""Pages of the administration's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from conversations.models import Conversation
from conversations.tests.factories import ConversationFactory
from core.admin import BoundedPaginator

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


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
