"""`GET /api/health`: each service really checked, within a time."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import Conversation
from core import health
from core.health import Check, Degraded
from core.tests.asgi import call
from knowledge.tests.factories import EntryFactory

PATH = "/api/health"


def look() -> Any:
    return call(PATH, method="GET")


@pytest.fixture
def checks(monkeypatch: Any) -> dict[str, Check]:
    """No service but those that the test adds."""
    found: dict[str, Check] = {}
    monkeypatch.setattr(health, "CHECKS", found)
    monkeypatch.setattr(health, "_kept", {})
    return found


async def fine() -> None:
    return None


async def worse() -> None:
    raise Degraded("It limps.")


async def dead() -> None:
    raise ConnectionError("secret-host refused")


async def hanging() -> None:
    await asyncio.sleep(30)


def test_a_healthy_service_has_the_documented_shape(engine: Any, account: Any) -> None:
    EntryFactory(account=account)

    answer = look()

    body = answer.json
    assert answer.status == 200
    assert body["overall_status"] == "healthy"
    assert {"database", "worker", "queue", "knowledge"} <= set(body["services"])
    assert "gemini" not in body["services"]
    assert all(each["status"] == "healthy" for each in body["services"].values())
    count = len(body["services"])
    assert body["summary"] == {
        "total": count, "healthy": count, "degraded": 0, "down": 0,
    }  # fmt: skip
    assert body["services"]["queue"]["oldest_waiting_seconds"] == 0


def test_it_needs_no_sign_in_and_answers_head(transactional_db: None) -> None:
    assert call(PATH, method="HEAD").status == 200


def test_it_refuses_the_wrong_method(transactional_db: None) -> None:
    answer = call(PATH)

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert answer.json["code"] == "method_not_allowed"


def test_a_slash_too_many_is_told(transactional_db: None) -> None:
    answer = call("/api/health/", method="GET")

    assert answer.status == 404
    assert "/api/health." in answer.json["detail"]


@pytest.mark.parametrize(
    ("run", "is_vital", "status", "overall", "http"),
    [
        (fine, True, "healthy", "healthy", 200),
        (worse, True, "degraded", "degraded", 200),
        (dead, False, "down", "degraded", 200),
        (dead, True, "down", "down", 503),
    ],
    ids=["fine", "limping", "a helper is down", "what everything needs is down"],
)
def test_how_a_service_is_decides_how_all_is(
    checks: Any, transactional_db: None, run: Any, is_vital: bool, status: str,
    overall: str, http: int,
) -> None:  # fmt: skip
    checks["thing"] = Check(run, is_vital=is_vital)
    checks["other"] = Check(fine)

    answer = look()

    assert answer.status == http
    assert answer.json["overall_status"] == overall
    assert answer.json["services"]["thing"]["status"] == status
    assert answer.json["summary"][status] >= 1


def test_what_went_wrong_is_not_shown_to_strangers(
    checks: Any, transactional_db: None
) -> None:
    checks["thing"] = Check(dead)

    assert b"secret-host" not in look().body


def test_a_service_that_hangs_is_down_in_time(
    checks: Any, transactional_db: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.05)
    checks["thing"] = Check(hanging)

    assert look().json["services"]["thing"]["status"] == "down"


def test_what_is_not_configured_is_not_listed(
    checks: Any, transactional_db: None
) -> None:
    checks["thing"] = Check(dead, lambda: False)

    assert look().json["services"] == {}


def test_a_costly_check_is_believed_for_a_while(
    checks: Any, transactional_db: None
) -> None:
    calls: list[int] = []

    async def counted() -> None:
        calls.append(1)

    checks["thing"] = Check(counted, keep_s=60)
    checks["cheap"] = Check(counted)

    look()
    look()

    assert len(calls) == 3


def test_without_a_worker_messages_wait(transactional_db: None, account: Any) -> None:
    EntryFactory(account=account)

    body = look().json

    assert body["overall_status"] == "degraded"
    assert body["services"]["worker"]["status"] == "degraded"


def test_an_old_waiting_message_shows(engine: Any, conversation: Any) -> None:
    engine.stop()
    since = timezone.now() - dt.timedelta(seconds=90)
    Conversation.objects.update(due_at=since, waiting_since=since)

    service = look().json["services"]["queue"]

    assert service["status"] == "degraded"
    assert "9" in service["detail"]


def test_a_redis_that_is_down_shows(transactional_db: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert look().json["services"]["redis"]["status"] == "down"
