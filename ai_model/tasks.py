"""Timed jobs of the assistant; the schedule stands in the settings."""

from __future__ import annotations

from celery import shared_task

from ai_model import (
    calibration,
    gap_drafts,
    gap_feed,
    gaps,
    questions,
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
def forget_empty_gaps() -> None:
    """Delete gaps whose questions are gone."""
    gaps.forget_empty()


@shared_task
def make_up_questions() -> None:
    """Let models make up questions for the accounts that want them."""
    questions.make_up_due()


@shared_task
def calibrate_accounts() -> None:
    """Learn from what changed and what was judged, where things have been quiet."""
    calibration.notice()
    if calibration.run_due():
        # Each look builds indexes and drops them.
        memory.give_back()


@shared_task
def warn_of_ending_models() -> None:
    """Write to owners whose models will be switched off."""
    sunset_warnings.warn_owners()


@shared_task
def feed_analytics() -> None:
    """Count what is new, and judge answers as soon as their day is over."""
    feeding.feed()
    settling.settle()


@shared_task
def generate_daily_analytics() -> None:
    """Judge the answers of the last days, and check the count of yesterday."""
    nightly.run()
