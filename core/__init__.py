"""The project package and the little that every app shares; no domain model."""

from core.celery import app as celery_app

__all__ = ["celery_app"]
