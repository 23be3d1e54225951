"""Spending limits: reserved before a call, settled after it, kept by everybody at once."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ai_model import spending, usage
from ai_model.metering import Call, Meter, Wish
from ai_model.models import Assistant, Reservation, Usage

if TYPE_CHECKING:
    from accounts.models import Account

pytestmark = pytest.mark.django_db

#: What a call of `gpt-6-luna` takes: $0.10 and $0.50 per million tokens.
CALL = Call("openai", "gpt-6-luna", "gpt-6-luna", 900, 100, 40)
COST = Decimal("0.00014")


@pytest.fixture
def assistant(account: Account) -> Assistant:
    return Assistant.objects.create(account=account, daily_request_limit=3)


def limit(assistant: Assistant, **limits: Any) -> None:
    assistant.daily_request_limit = None
    for name, amount in limits.items():
        setattr(assistant, name, amount)
    assistant.save()
    assistant.refresh_from_db()


def wish(account: Account, holder: uuid.UUID | None = None, **values: Any) -> Wish:
    holder = holder or uuid.uuid4()
    made = {
        "provider": "openai",
        "model": "gpt-6-luna",
        "tokens_in": 1000,
        "tokens_out": 800,
        **values,
    }
    return Wish(account.pk, holder, 0, **made)


def spend(account: Account, *calls: Call, holder: Wish | None = None) -> None:
    """Make calls that nobody asked permission for, or that were reserved."""
    meter = Meter(account.pk)
    meter.calls.extend(calls)
    if holder is not None:
        meter._holder = holder.holder
    usage.settle([meter])


def spent_at(day: dt.date, account: Account, **values: Any) -> None:
    Usage.objects.create(
        account=account,
        day=day,
        **{"provider": "openai", "model": "m", "requests": 1, **values},
    )


def test_without_a_limit_everything_may_be_spent(account: Account) -> None:
    assert spending.reserve([wish(account)] * 5) == [True] * 5
    assert not Reservation.objects.exists()


def test_calls_are_admitted_until_the_limit_is_reserved(
    account: Account, assistant: Assistant
) -> None:
    first = spending.reserve([wish(account) for _ in range(2)])
    second = spending.reserve([wish(account) for _ in range(3)])

    assert first + second == [True, True, True, False, False]
    assert Reservation.objects.count() == 3


def test_what_was_reserved_is_released_and_what_was_spent_counts(
    account: Account, assistant: Assistant
) -> None:
    wishes = [wish(account) for _ in range(3)]
    spending.reserve(wishes)

    spend(account, CALL, holder=wishes[0])
    spend(account, Call("openai", "gpt-6-luna", has_failed=True), holder=wishes[1])

    (found,) = spending.standings_of(assistant)
    assert (found.spent, found.reserved, found.share) == (1, 1, 0.3333)
    assert spending.reserve([wish(account), wish(account)]) == [True, False]


@pytest.mark.parametrize(
    ("name", "amount", "admitted"),
    [
        # Each reserves $0.0005; one may begin while anything is left.
        ("daily_cost_limit", "0.0005", 1),
        ("daily_cost_limit", "0.0006", 2),
        ("monthly_cost_limit", "0.0010", 2),
        ("daily_token_limit", 1800, 1),
        ("monthly_token_limit", 1801, 2),
        ("daily_request_limit", 0, 0),
        ("monthly_request_limit", 2, 2),
    ],
)
def test_each_limit_is_kept(
    account: Account, assistant: Assistant, name: str, amount: Any, admitted: int
) -> None:
    limit(assistant, **{name: amount})

    granted = spending.reserve([wish(account) for _ in range(4)])

    assert granted == [True] * admitted + [False] * (4 - admitted)


def test_the_tightest_of_several_limits_counts(
    account: Account, assistant: Assistant
) -> None:
    limit(assistant, daily_cost_limit=5, monthly_cost_limit=50, daily_token_limit=1800)

    assert spending.reserve([wish(account), wish(account)]) == [True, False]


def test_accounts_do_not_share_a_limit(
    account: Account, assistant: Assistant, charlie: Any
) -> None:
    other = charlie.accounts.get()
    Assistant.objects.create(account=other, daily_request_limit=1)
    spend(other, CALL)

    granted = spending.reserve([wish(other), wish(account), wish(other)])

    assert granted == [False, True, False]


def test_a_new_day_and_a_new_month_begin_at_nothing(
    account: Account, assistant: Assistant
) -> None:
    limit(assistant, daily_request_limit=2, monthly_request_limit=10)
    today = timezone.now().date()
    before = today.replace(day=1) - dt.timedelta(days=1)
    spent_at(before, account, requests=100)
    spent_at(today, account, requests=1)

    day, month = spending.standings_of(assistant)

    assert (day.spent, month.spent) == (1, 1)
    assert (day.starts_on, month.starts_on) == (today, today.replace(day=1))


def test_amounts_that_floats_cannot_hold_add_up(
    account: Account, assistant: Assistant
) -> None:
    limit(assistant, daily_cost_limit="0.6")
    for provider in ("a", "b", "c"):
        spent_at(timezone.now().date(), account, provider=provider, cost="0.2")

    (found,) = spending.standings_of(assistant)

    assert (str(found.spent), found.state) == ("0.600000", "reached")


def test_the_local_answerer_costs_nothing(
    account: Account, assistant: Assistant
) -> None:
    spend(account, *[Call("local", "extract", "", 0, 0, 1)] * 9)

    assert spending.standings_of(assistant)[0].spent == 0


@pytest.mark.parametrize(
    ("spent", "state", "is_over"),
    [(0, "ok", False), (7, "ok", False), (8, "warning", False), (10, "reached", True)],
)
def test_a_standing_says_how_far_it_is(
    account: Account, assistant: Assistant, spent: int, state: str, is_over: bool
) -> None:
    limit(assistant, daily_request_limit=10)
    spend(account, *[CALL] * spent)

    (found,) = spending.standings_of(assistant)

    assert (found.state, found.is_over, found.share) == (state, is_over, spent / 10)


def test_a_model_without_a_price_costs_nothing_in_money(
    account: Account, assistant: Assistant
) -> None:
    limit(assistant, daily_cost_limit="0.0001")

    granted = spending.reserve([wish(account, model="llama") for _ in range(3)])

    assert granted == [True] * 3


# Crashes ----------------------------------------------------------------------


def test_a_reservation_that_nobody_settles_expires(
    account: Account, assistant: Assistant
) -> None:
    spending.reserve([wish(account) for _ in range(3)])
    late = timezone.now() - dt.timedelta(seconds=1)
    Reservation.objects.update(expires_at=late)

    assert spending.reserve([wish(account)]) == [True]
    spending.forget_expired()
    assert Reservation.objects.count() == 1


def test_what_a_dead_worker_had_reserved_is_released(
    account: Account, assistant: Assistant
) -> None:
    spending.reserve([wish(account) for _ in range(2)])
    Reservation.objects.update(worker=41)
    spending.reserve([wish(account)])

    spending.release_of({41})

    assert Reservation.objects.count() == 1


def test_a_settlement_that_fails_keeps_the_reservation(
    account: Account, assistant: Assistant
) -> None:
    wanted = wish(account)
    spending.reserve([wanted])

    def broken() -> None:
        with transaction.atomic():
            spend(account, CALL, holder=wanted)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    assert Reservation.objects.count() == 1
    assert not Usage.objects.exists()


# Many at once -----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "amount", "most"),
    [
        ("daily_request_limit", 37, 37),
        ("daily_cost_limit", "0.0050", Decimal("0.0050") + COST),
    ],
)
def test_two_hundred_at_once_go_over_by_one_call_at_most(
    account: Account, name: str, amount: Any, most: Any
) -> None:
    assistant = Assistant.objects.create(account=account, **{name: amount})
    wishes = [wish(account) for _ in range(200)]
    errors: list[BaseException] = []

    def work(mine: list[Wish]) -> None:
        try:
            for each in mine:
                (is_granted,) = spending.reserve([each])
                if is_granted:
                    spend(account, CALL, holder=each)
        except BaseException as exc:  # noqa: BLE001 (whatever it was)
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(wishes[n::8],)) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert errors == []
    (found,) = spending.standings_of(assistant)
    # All of it is used, and one call more at most.
    assert Decimal(amount) <= found.spent <= most
    assert found.reserved == 0
