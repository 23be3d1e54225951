"""The contract's health check, sentence by sentence."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.tests.contract.crm import Crm

STATES = {"healthy", "degraded", "down"}


def test_it_says_how_all_are_and_how_each_is(crm: Crm) -> None:
    reply = crm.get("/api/health")

    said = reply.json
    assert reply.status == 200
    assert set(said) == {"overall_status", "services", "summary"}
    assert said["overall_status"] in STATES
    assert said["services"]
    assert all(each["status"] in STATES for each in said["services"].values())


def test_the_summary_counts_the_services(crm: Crm) -> None:
    said = crm.get("/api/health").json

    summary = said["summary"]
    assert set(summary) == {"total", "healthy", "degraded", "down"}
    assert summary["total"] == len(said["services"])
    for state in STATES:
        found = [each for each in said["services"].values() if each["status"] == state]
        assert summary[state] == len(found)


def test_it_answers_within_the_suggested_timeout(crm: Crm) -> None:
    began = time.monotonic()

    crm.get("/api/health")

    assert time.monotonic() - began < 15


def test_it_is_only_read(crm: Crm) -> None:
    reply = crm.post("/api/health", {})

    assert reply.status == 405
    assert isinstance(reply.json["detail"], str)
