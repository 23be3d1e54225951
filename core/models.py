"""The base that most models share."""

from __future__ import annotations

import uuid

from django.db import models


class UUIDModel(models.Model):
    """A row with a number for the database and a UUID for the outside."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
