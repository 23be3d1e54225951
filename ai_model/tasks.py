"""Timed jobs of the assistant; the schedule stands in the settings."""

from __future__ import annotations

from celery import shared_task

from ai_model import (
    calibration,
    gap_drafts,
    gap_feed,
    gaps,
    questions,
    selftest,
    spending_notices,
    sunset_warnings,
)
from ai_model.analytics import feeding, nightly, settling
from core import memory

#: Batches that one run looks through; the next run goes on.
MOST_BATCHES = 20


@shared_task
def look_for_gaps() -> None:
    """Group what was not answered, and draft entries from what people replied."""
    for _ in range(MOST_BATCHES):
        if not gap_feed.feed():
            break
    gap_drafts.draft_due()


@shared_task
def forget_empty_gaps() -> dict[str, int]:
    """Delete gaps whose questions are gone."""
    return {"gaps": gaps.forget_empty()}


@shared_task
def make_up_questions() -> dict[str, int]:
    """Let models make up questions for the accounts that want them."""
    return {"entries": questions.make_up_due()}


@shared_task
def calibrate_accounts() -> dict[str, int]:
    """Learn from what changed and what was judged, where things have been quiet."""
    calibration.notice()
    count = calibration.run_due()
    if count:
        # Each look builds indexes and drops them.
        memory.give_back()
    return {"accounts": count}


@shared_task
def warn_of_ending_models() -> dict[str, int]:
    """Write to owners whose models will be switched off."""
    return {"warnings": sunset_warnings.warn_owners()}


@shared_task
def test_providers() -> dict[str, int]:
    """Ask each configured provider something, with each model in use."""
    trials = selftest.run_all()
    return {"tested": len(trials), "failed": sum(not each.works for each in trials)}


@shared_task
def tell_of_spending() -> None:
    """Write to owners whose spending limits are nearly or wholly spent."""
    spending_notices.tell_owners()


@shared_task
def feed_analytics() -> None:
    """Count what is new, and judge answers as soon as their day is over."""
    feeding.feed()
    settling.settle()


@shared_task
def generate_daily_analytics() -> None:
    """Judge the answers of the last days, and check the count of yesterday."""
    nightly.run()
