"""The made-up past of the benchmark: whole, as large as asked, and counted right."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import Account
from ai_model.analytics import feeding, settling
from ai_model.analytics.recounting import days_of, recount
from ai_model.models import Tally
from conversations.models import Conversation, Message
from core import store


def test_a_made_up_past_is_counted_as_its_rows_say(db: None) -> None:
    if not store.is_postgresql():
        pytest.skip("It is written by COPY.")
    from bench import history

    # As the newest keys: other tests' rows are gone, their numbers are not taken.
    channels = history._businesses(3)
    connection.ensure_connection()
    past = history.Past(connection.connection, channels, 20)
    made = past.write(2_000)
    feeding.feed()
    settling.settle()

    assert made["messages"] == Message.objects.count()
    assert abs(made["messages"] - 2_000) < 200
    assert not Conversation.objects.filter(last_message_at=None).exists()
    names = {name for row in Tally.objects.all() for name in row.amounts}
    assert {"assumed", "confirmed", "reopened", "helpful", "topic:entry-1"} <= names
    for account in Account.objects.all():
        span = days_of(account)
        assert span is not None
        assert recount(account=account, first=span[0], end=span[1]) == []
