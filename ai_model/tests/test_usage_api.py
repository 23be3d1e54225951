"""Usage over HTTP."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from ai_model.models import Assistant, Usage
from ai_model.tests.test_status_api import client_of

if TYPE_CHECKING:
    from accounts.models import Account, User

pytestmark = pytest.mark.django_db

STATS = "/api/v1/ai/usage/stats/"
GLOBAL = "/api/v1/ai/usage/global/"


def used(account: Account, days_ago: int = 0, **values: Any) -> Usage:
    return Usage.objects.create(
        account=account,
        day=timezone.now().date() - dt.timedelta(days=days_ago),
        **{"provider": "gemini", "model": "flash", "requests": 1, **values},
    )


def get(user: User | None, path: str, **query: Any) -> Any:
    return client_of(user).get(path, query)


# Usage ------------------------------------------------------------------------


def test_usage_is_summed_by_day_and_model(bob: User, account: Account) -> None:
    used(account, requests=3, tokens_in=10, tokens_out=5, cost="0.5", latency_ms=900)
    used(account, model="", requests=0, failures=2)
    used(account, 1, provider="openai", model="luna", cost="0.25", latency_ms=100)
    used(account, 7, tokens_in=1000)

    found = get(bob, STATS, days=7).json()

    today = timezone.now().date()
    assert found == {
        "days": 7,
        "date_from": str(today - dt.timedelta(days=6)),
        "date_to": str(today),
        "total": figures(4, 2, 10, 5, "0.750000", 250),
        "by_day": [
            {"day": str(today - dt.timedelta(days=1))}
            | figures(1, 0, 0, 0, "0.250000", 100),
            {"day": str(today)} | figures(3, 2, 10, 5, "0.500000", 300),
        ],
        "by_model": [
            {"provider": "gemini", "model": ""} | figures(0, 2, 0, 0, "0.000000", 0),
            {"provider": "gemini", "model": "flash"}
            | figures(3, 0, 10, 5, "0.500000", 300),
            {"provider": "openai", "model": "luna"}
            | figures(1, 0, 0, 0, "0.250000", 100),
        ],
        "by_user": [],
        "spending": [],
    }


def figures(*values: Any) -> dict[str, Any]:
    names = (
        "requests", "failures", "tokens_in", "tokens_out", "cost_usd",
        "response_time_ms",
    )  # fmt: skip
    return dict(zip(names, values, strict=True))


def test_usage_is_of_thirty_days_unless_said_otherwise(
    bob: User, account: Account
) -> None:
    used(account, 29)
    used(account, 30)

    found = get(bob, STATS).json()

    assert (found["days"], found["total"]["requests"]) == (30, 1)


def test_an_account_that_used_nothing_is_told_so(bob: User, account: Account) -> None:
    found = get(bob, STATS).json()

    assert found["total"] == figures(0, 0, 0, 0, "0.000000", 0)
    assert (found["by_day"], found["by_model"]) == ([], [])


@pytest.mark.parametrize("days", ["0", "367", "week", "-1"])
@pytest.mark.parametrize("path", [STATS, GLOBAL])
def test_a_period_that_is_none_is_refused(alice: User, path: str, days: str) -> None:
    found = get(alice, path, days=days)

    assert (found.status_code, list(found.json()["fields"])) == (400, ["days"])


@pytest.mark.parametrize("path", [STATS, GLOBAL])
def test_figures_need_sign_in_and_are_read_only(alice: User, path: str) -> None:
    assert get(None, path).status_code == 401
    assert client_of(alice).post(path).status_code == 405


def test_usage_of_others_is_not_shown(charlie: User, account: Account) -> None:
    used(account)

    assert get(charlie, STATS).json()["total"]["requests"] == 0
    assert get(charlie, GLOBAL).json()["total"]["requests"] == 0


def test_global_usage_is_for_staff(bob: User, account: Account) -> None:
    assert get(bob, GLOBAL).status_code == 403


def test_staff_see_all_their_accounts_and_superusers_every_one(
    alice: User, charlie: User, account: Account
) -> None:
    used(account, requests=2)
    used(charlie.accounts.get(), requests=5)

    own = get(alice, GLOBAL).json()
    alice.is_superuser = True
    alice.save()
    everyones = get(alice, GLOBAL).json()

    assert own["total"]["requests"] == 2
    assert [each["account"] for each in own["by_account"]] == ["Alice's Shop"]
    assert everyones["total"]["requests"] == 7
    assert [
        (each["account"], each["requests"]) for each in everyones["by_account"]
    ] == [("Alice's Shop", 2), ("Charlie's Garage", 5)]


def test_usage_is_told_by_the_user_whose_program_asked(
    bob: User, account: Account
) -> None:
    used(account, requests=2)
    used(account, username="bob", requests=3)
    used(account, 1, username="bob", requests=4)
    used(account, username="dora", requests=1)

    found = get(bob, STATS).json()

    assert found["total"]["requests"] == 10
    assert [(each["user"], each["requests"]) for each in found["by_user"]] == [
        ("bob", 7), ("dora", 1),
    ]  # fmt: skip


def test_how_limits_stand_is_told_by_account_and_globally(
    alice: User, account: Account
) -> None:
    Assistant.objects.create(account=account, daily_request_limit=2)
    used(account, requests=3)

    own = get(alice, STATS).json()["spending"]
    everyones = get(alice, GLOBAL).json()["by_account"]

    assert [(each["state"], each["share"]) for each in own] == [("reached", 1.5)]
    assert everyones[0]["spending"] == own
