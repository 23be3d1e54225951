"""Rows by age, found by their ids."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Message
from conversations.tests.factories import MessageFactory
from core import ageing

pytestmark = pytest.mark.django_db
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def daily(conversation: Any, monkeypatch: Any) -> list[Any]:
    """A message on each of ten days."""
    found = []
    for number in range(10):
        now = START + dt.timedelta(number)
        monkeypatch.setattr(timezone, "now", lambda now=now: now)
        found.append(MessageFactory(conversation=conversation))
    return found


@pytest.mark.parametrize("number", [0, 1, 5, 9])
def test_the_first_id_of_a_time_is_found(daily: list[Any], number: int) -> None:
    found = ageing.first_id(Message, START + dt.timedelta(number))

    before = daily[number - 1].pk if number else -1
    assert before < found <= daily[number].pk


@pytest.mark.parametrize("number", [0, 5, 12])
def test_older_rows_are_those_from_before(daily: list[Any], number: int) -> None:
    found = ageing.older(Message.objects.all(), START + dt.timedelta(number))

    assert list(found.order_by("pk")) == daily[:number]


def test_an_empty_table_has_no_older_rows() -> None:
    assert not ageing.older(Message.objects.all(), timezone.now()).exists()
