"""Whatever happens, the tallies hold what the rows say; and where not, it is mended."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from ai_model.analytics import feeding, settling
from ai_model.analytics.reading import (
    HEADLINE,
    Period,
    headlines_of,
    total_of,
    totals_of,
)
from ai_model.analytics.recounting import days_of, recount
from ai_model.analytics.sources import merge
from ai_model.models import MonthTally, Tally, TallyFeed
from ai_model.tests.activity import Clock, Traffic
from core.commands import Error
from integrations.tests.factories import ChannelFactory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def traffic(monkeypatch: Any, channel: Any, chatwoot: Any, charlie: User) -> Traffic:
    other = ChannelFactory(account=charlie.accounts.get())
    return Traffic(Clock(monkeypatch), [channel, chatwoot, other], seed=7)


def differences(account: Account, *, mends: bool = False) -> list[Any]:
    span = days_of(account)
    assert span is not None
    return recount(account=account, first=span[0], end=span[1], mends=mends)


@pytest.mark.parametrize("seed", range(2))
def test_after_random_activity_nothing_differs(
    traffic: Traffic, account: Account, seed: int
) -> None:
    traffic.chance.seed(seed)
    for _ in range(90):
        traffic.step()

    assert differences(account) == []
    feeding.feed()
    settling.settle()
    assert differences(account) == []

    stored = snapshot()
    Tally.objects.all().delete()
    MonthTally.objects.all().delete()
    TallyFeed.objects.all().delete()
    feeding.feed()
    settling.settle()
    assert snapshot() == stored
    names = {name for counts in stored.values() for name in counts}
    assert {"confirmed", "assumed", "reopened", "first:sum", "topic:a"} <= names


def test_whole_months_and_single_days_add_up_to_the_same(
    traffic: Traffic, account: Account
) -> None:
    traffic.channels = traffic.channels[:2]
    for _ in range(12):
        traffic.ask()
        traffic.rate()
        traffic.clock.pass_by(days=9)
    traffic.ask()
    feeding.feed()
    settling.settle()
    rows = list(Tally.objects.for_account(account))
    today = traffic.clock.now.date()
    months = {dt.date(2026, 3, 1), dt.date(2026, 3, 31), dt.date(2026, 4, 1)}

    assert max(row.day for row in rows) == today
    for first, last in itertools.product(
        [*months, dt.date(2026, 2, 10), dt.date(2026, 3, 15), today.replace(day=1)],
        [*months, dt.date(2026, 5, 12), dt.date(2026, 5, 31), today],
    ):
        period = Period(first, last)
        some = [row for row in rows if first <= row.day <= last]
        by_channel, by_day = (
            {
                key: added(row for row in some if getattr(row, name) == key)
                for key in {getattr(row, name) for row in some}
            }
            for name in ("channel_id", "day")
        )
        assert total_of(account, period) == added(some)
        assert totals_of(account, period) == by_channel
        assert list(headlines_of(account, period)) == [
            (day, {each: by_day[day].get(name, 0) for each, name in HEADLINE.items()})
            for day in sorted(by_day)
        ]


def added(rows: Iterable[Tally]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        merge(total, row.amounts)
    return total


def snapshot() -> dict[Any, Any]:
    return {
        (type(row), row.account_id, row.channel_id, row.day): row.amounts
        for model in (Tally, MonthTally)
        for row in model.objects.all()
    }


def test_a_wrong_number_is_reported_and_mended(
    traffic: Traffic, account: Account
) -> None:
    for _ in range(20):
        traffic.ask()
        traffic.clock.pass_by(hours=1)
    feeding.feed()
    row = Tally.objects.for_account(account).order_by("pk")[0]
    right = row.counts["messages:contact"]
    row.amounts |= {"messages:contact": right + 5, "topic:nonsense": 2}
    row.save()

    found = differences(account, mends=True)

    assert [(each.name, each.stored, each.counted) for each in found] == [
        ("messages:contact", right + 5, right),
        ("topic:nonsense", 2, 0),
    ]
    assert differences(account) == []


def test_a_month_that_is_not_the_sum_of_its_days_is_mended(
    traffic: Traffic, account: Account
) -> None:
    traffic.channels = traffic.channels[:1]
    traffic.ask()
    feeding.feed()
    before = snapshot()
    row = MonthTally.objects.get()
    row.amounts |= {"topic:nonsense": 2}
    row.save()

    found = differences(account, mends=True)

    assert [(each.period, each.name) for each in found] == [
        ("2026-03", "topic:nonsense")
    ]
    assert snapshot() == before


def test_a_day_that_nothing_was_counted_of_is_mended(
    traffic: Traffic, account: Account
) -> None:
    traffic.channels = traffic.channels[:1]
    traffic.ask()
    feeding.feed()
    before = snapshot()
    Tally.objects.all().delete()

    assert differences(account, mends=True)
    assert snapshot() == before


def run(**options: Any) -> str:
    out = StringIO()
    call_command("recount_analytics", stdout=out, **options)
    return out.getvalue()


def test_the_command_reports_and_mends(traffic: Traffic, account: Account) -> None:
    traffic.channels = traffic.channels[:1]
    traffic.ask()
    assert "agree with the rows" in run()
    Tally.objects.update(counts={"answered": 9}, groups={})

    with pytest.raises(SystemExit):
        run(check=True)
    shown = json.loads(run(json=True, account=account.name))

    assert {"account", "channel", "day", "figure", "stored", "counted"} == set(shown[0])
    assert "agree with the rows" in run()


def test_the_command_leaves_older_days_alone(
    traffic: Traffic, account: Account
) -> None:
    traffic.channels = traffic.channels[:1]
    traffic.ask()
    traffic.clock.pass_by(days=3)
    traffic.ask()
    feeding.feed()
    settling.settle()
    day = traffic.clock.now.date()
    Tally.objects.update(counts={"answered": 9}, groups={})

    run(since=day)

    assert Tally.objects.get(day=day).counts != {"answered": 9}
    assert Tally.objects.get(day=day - dt.timedelta(days=3)).counts == {"answered": 9}


def test_the_command_names_an_account_that_is_not_there(db: None) -> None:
    with pytest.raises(Error):
        run(account="nobody")
