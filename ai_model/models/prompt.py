"""Prompt: what the assistant is told about the business, in versions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from knowledge import search


class Prompt(models.Model):
    """One version of one of the texts that tell the assistant about the business."""

    class Kind(models.TextChoices):
        MANUAL = "manual", _("Manual prompt")
        KNOWLEDGE_SOURCE = "knowledge_source", _("Knowledge source")
        PRODUCT = "product", _("Product / service")
        QUESTION_ANSWER = "question_answer", _("Question / answer")
        #: Only for Kommo's channels; see `ai_model.instructions`.
        KOMMO = "kommo", _("Instructions for Kommo")

    account = models.ForeignKey(Account, models.CASCADE, related_name="prompts")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    text = models.TextField(_("text"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        ordering: ClassVar = ["kind", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "kind", "version"], name="one_prompt_per_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the text, and let running workers know."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            search.note_other_change(self.account_id)


class PromptDraft(models.Model):
    """What one of the texts shall become; nobody is told of it until it is published."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="prompt_drafts")
    kind = models.CharField(_("kind"), max_length=20, choices=Prompt.Kind.choices)
    text = models.TextField(_("text"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("prompt draft")
        verbose_name_plural = _("prompt drafts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "kind"], name="one_draft_per_prompt"
            )
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())
