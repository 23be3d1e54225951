"""Failures that a CRM has reported."""

from __future__ import annotations

from typing import Any

import pytest

from escalation.tests.crm import report
from integrations import errands


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: Any) -> None:
    monkeypatch.setattr(errands, "LOOK_AFTER_S", 0.02)
    monkeypatch.setattr(errands, "LONGEST_PAUSE_S", 0.02)


@pytest.fixture
def failure_id(channel: Any) -> str:
    """A question that was not answered."""
    return str(report().json["failure_id"])
