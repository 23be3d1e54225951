"""Rates: exact, and the same for all threads and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.exceptions import ValidationError

from core import rates
from core.rates import Bucket, Rate

ROOT = Path(__file__).resolve().parents[2]


def bucket(*each: Rate, name: str = "") -> Bucket:
    return Bucket(name or uuid.uuid4().hex, each)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("60/hour", (Rate(60, 3600),)),
        ("10/minute, 60/hour", (Rate(10, 60), Rate(60, 3600))),
        (" 1/DAY ", (Rate(1, 86_400),)),
        ("5/second", (Rate(5, 1),)),
        ("off", ()),
        ("OFF", ()),
    ],
)
def test_rates_are_read(text: str, found: Any) -> None:
    assert rates.parse(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "60", "0/hour", "-1/hour", "1/week", "1/hour,", "1/hour,off", "1.5/hour"],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        rates.parse(text)
    with pytest.raises(ValidationError):
        rates.validate(text)


def test_as_many_as_allowed_pass_and_the_next_waits_for_the_first() -> None:
    one = bucket(Rate(3, 3600))

    assert [rates.take([one]) for _ in range(3)] == [0.0] * 3
    wait = rates.take([one])

    assert 3590 < wait <= 3600


def test_a_refused_call_is_not_counted_anywhere() -> None:
    full, roomy = bucket(Rate(1, 3600)), bucket(Rate(2, 3600))
    rates.take([full])

    refused = [rates.take([full, roomy]) for _ in range(5)]

    assert all(wait > 0 for wait in refused)
    assert refused == sorted(refused, reverse=True)
    assert [rates.take([roomy]) for _ in range(2)] == [0.0, 0.0]
    assert rates.take([roomy]) > 0


def test_of_several_rates_the_one_that_takes_longest_is_told() -> None:
    one = bucket(Rate(1, 60), Rate(2, 3600))
    rates.take([one])

    assert 59 < rates.take([one]) <= 60


def test_a_call_leaves_the_window_after_its_length() -> None:
    one = bucket(Rate(1, 1))
    rates.take([one])

    wait = rates.take([one])
    while (left := rates.take([one])) > 0:
        assert left <= wait

    assert rates.take([one]) > 0


def test_no_rates_let_everything_through() -> None:
    assert rates.take([bucket()]) == 0.0
    assert rates.take([]) == 0.0


def test_threads_at_once_get_no_more_than_allowed() -> None:
    one = bucket(Rate(50, 3600))

    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda _: rates.take([one]), range(200)))

    assert waits.count(0.0) == 50


def test_this_process_forgets_what_is_long_unused(monkeypatch: Any) -> None:
    monkeypatch.setattr(rates, "_MOST_BUCKETS", 2)
    memory = rates.Memory()
    first, *others = [bucket(Rate(1, 3600)) for _ in range(3)]

    for each in (first, *others):
        memory.take([each])

    assert memory.take([others[1]]) > 0
    assert memory.take([first]) == 0.0


HUNDRED = """
import django, sys
django.setup()
from core import rates
one = [rates.Bucket(sys.argv[1], (rates.Rate(100, 3600),))]
print(sum(rates.take(one) == 0.0 for _ in range(100)))
"""


@pytest.fixture
def _needs_redis(settings: Any) -> None:
    if not settings.REDIS_URL:
        pytest.skip("There is no Redis.")


@pytest.mark.usefixtures("_needs_redis")
def test_two_processes_at_once_get_no_more_than_allowed(settings: Any) -> None:
    name = uuid.uuid4().hex
    started = [
        subprocess.Popen(
            [sys.executable, "-c", HUNDRED, name],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "core.settings"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    passed = [int(process.communicate(timeout=60)[0]) for process in started]

    assert sum(passed) == 100
    client = redis.Redis.from_url(settings.REDIS_URL)
    assert client.zcard(f"answerdesk.rate.{name}") == 100
    assert 3_590_000 < client.pttl(f"answerdesk.rate.{name}") <= 3_600_000


def test_while_redis_is_away_each_process_counts_for_itself(
    settings: Any, monkeypatch: Any, caplog: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    monkeypatch.setattr(rates, "_redis", rates._Redis())
    one = bucket(Rate(1, 3600))

    first, second = rates.take([one]), rates.take([one])

    assert first == 0.0
    assert second > 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
