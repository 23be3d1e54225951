"""Which periodic task runs when; Celery beat reads it from the settings.

What each one does: docs/reference/periodic-tasks.md. One that could not start within
`expires_s` is dropped, because the next one does the same work.
"""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab


def _task(name: str, when: crontab | float, *, expires_s: int) -> dict[str, Any]:
    """An entry of beat; `when` is a time of day (UTC), or every so many seconds."""
    return {"task": name, "schedule": when, "options": {"expires": expires_s}}


BEAT: dict[str, dict[str, Any]] = {
    "sweep": _task("core.tasks.sweep", 10.0, expires_s=9),
    "close-inactive-conversations": _task(
        "conversations.tasks.close_inactive", crontab(hour=2, minute=0), expires_s=3600
    ),
    "refresh-profiles": _task(
        "conversations.tasks.refresh_profiles", 30.0, expires_s=25
    ),
    "retention": _task(
        "accounts.tasks.forget_old", crontab(hour=3, minute=10), expires_s=3600
    ),
    "poll-desks": _task(
        "integrations.tasks.poll_desks", crontab(hour="*/6", minute=20), expires_s=3600
    ),
    "renew-kommo-tokens": _task(
        "integrations.tasks.renew_kommo_tokens",
        crontab(hour=3, minute=40),
        expires_s=3600,
    ),
    "keep-kommo-webhooks": _task(
        "integrations.tasks.keep_kommo_webhooks",
        crontab(hour="*/6", minute=50),
        expires_s=3600,
    ),
    "sync-channels": _task(
        "integrations.tasks.sync_channels", crontab(minute="5,35"), expires_s=1500
    ),
    "tell-of-broken-channels": _task(
        "integrations.tasks.tell_of_broken_channels", 60.0, expires_s=55
    ),
    "read-mailbox": _task("escalation.tasks.read_mailbox", 60.0, expires_s=55),
    "keep-channels": _task(
        "integrations.tasks.keep_channels", crontab(minute="*/10"), expires_s=590
    ),
    "look-for-gaps": _task("ai_model.tasks.look_for_gaps", 15.0, expires_s=14),
    "make-up-questions": _task("ai_model.tasks.make_up_questions", 60.0, expires_s=55),
    "forget-empty-gaps": _task(
        "ai_model.tasks.forget_empty_gaps", crontab(hour=3, minute=40), expires_s=3600
    ),
    "calibrate-accounts": _task(
        "ai_model.tasks.calibrate_accounts", 60.0, expires_s=50
    ),
    "test-providers": _task(
        "ai_model.tasks.test_providers", crontab(hour="*/12", minute=45), expires_s=3600
    ),
    "tell-of-spending": _task("ai_model.tasks.tell_of_spending", 60.0, expires_s=50),
    "feed-analytics": _task("ai_model.tasks.feed_analytics", 60.0, expires_s=50),
    "generate-daily-analytics": _task(
        "ai_model.tasks.generate_daily_analytics",
        crontab(hour=1, minute=0),
        expires_s=3600,
    ),
    "delete-closed-accounts": _task(
        "accounts.tasks.delete_closed_accounts", 60.0, expires_s=50
    ),
    "warn-of-ending-models": _task(
        "ai_model.tasks.warn_of_ending_models",
        crontab(day_of_week="mon", hour=6, minute=20),
        expires_s=3600,
    ),
}
