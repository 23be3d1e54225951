"""Wake-ups, as Celery carries them."""

from __future__ import annotations

from celery import shared_task

from core import work


@shared_task(expires=60)
def wake(step: str) -> None:
    """Wake one step of this worker."""
    loop = work.current()
    if loop is not None:
        loop.wake(step)


@shared_task
def sweep() -> None:
    """Wake every step: proof, from the outside, that wake-ups arrive."""
    for step in work.REGISTRY:
        wake(step.name)
