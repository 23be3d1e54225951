"""Entry: one piece of knowledge; Revision: what it said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from accounts.services import as_uuid
from core.models import UUIDModel
from core.store import is_postgresql
from knowledge.models.index import note_change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User


class EntryQuerySet(AccountQuerySet["Entry"]):
    """Entries, by what may be done with them."""

    def published(self) -> EntryQuerySet:
        """The entries that answers may be made from."""
        return self.filter(status=Entry.Status.PUBLISHED)

    def tagged(self, tag: str) -> EntryQuerySet:
        """The entries with this tag."""
        if is_postgresql():
            return self.filter(tags__contains=[tag])
        keys = RawSQL(  # noqa: S611 (the tag goes in as a parameter)
            "SELECT knowledge_entry.id FROM knowledge_entry, json_each(tags)"
            " WHERE json_each.value = %s",
            [tag],
        )
        return self.filter(pk__in=keys)

    def named(self, names: Iterable[str]) -> EntryQuerySet:
        """The entries with one of these public ids."""
        found = list(names)
        keys = [key for each in found if (key := as_uuid(each)) is not None]
        return self.filter(models.Q(external_id__in=found) | models.Q(uuid__in=keys))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Remove entries, and let the indexes know."""
        with transaction.atomic():
            for account_id in sorted(set(self.values_list("account_id", flat=True))):
                note_change(account_id)
            return super().delete()

    # As on Django's own: no `Entry.objects.delete()`, and none from a template.
    delete.queryset_only = True  # type: ignore[attr-defined]
    delete.alters_data = True  # type: ignore[attr-defined]


class Entry(UUIDModel):
    """One piece of knowledge."""

    class Type(models.TextChoices):
        FAQ = "faq", _("Question and answer")
        HOW_TO = "how_to", _("How-to")
        POLICY = "policy", _("Policy")
        TROUBLESHOOTING = "troubleshooting", _("Troubleshooting")
        ARTICLE = "article", _("Article")

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        ARCHIVED = "archived", _("Archived")

    class Visibility(models.TextChoices):
        CUSTOMER = "customer", _("Customers and staff")
        SUPPORT = "support", _("Staff only")

    account = models.ForeignKey(Account, models.CASCADE, related_name="entries")
    #: The id under which the entry was imported; what the API calls `entry_id`.
    external_id = models.CharField(_("entry id"), max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=500)
    body = models.TextField(_("text"), help_text=_("Plain text or Markdown."))
    entry_type = models.CharField(
        _("type"), max_length=20, choices=Type.choices, default=Type.FAQ
    )
    lang = models.CharField(_("language"), max_length=12, blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PUBLISHED
    )
    visibility = models.CharField(
        _("visible to"),
        max_length=10,
        choices=Visibility.choices,
        default=Visibility.CUSTOMER,
    )
    tags = models.JSONField(_("tags"), default=list, blank=True)
    #: Where it was imported from: a file or page; empty when typed in.
    source = models.CharField(_("source"), max_length=500, blank=True)
    #: The source that is read again by itself, where there is one.
    read_from = models.ForeignKey(
        "Source",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="entries",
    )
    #: When its source had lost it, and it was archived for that.
    gone_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Number of the newest revision, from 1.
    revision = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    #: Who is changing it just now; becomes the author of the revision.
    edited_by: User | None = None

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("knowledge entry")
        verbose_name_plural = _("knowledge entries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_entry_per_external_id",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "status"], name="entry_by_status")
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the former words as a revision, and let the indexes know."""
        with transaction.atomic():
            note_change(self.account_id)
            before = Revision.objects.filter(entry_id=self.pk).first()
            is_new_text = before is None or (before.title, before.body) != (
                self.title,
                self.body,
            )
            if before is not None and is_new_text:
                self.revision = before.number + 1
            super().save(*args, **kwargs)
            if is_new_text:
                self.revisions.create(
                    number=self.revision,
                    title=self.title,
                    body=self.body,
                    author=self.edited_by,
                )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Remove the entry, and let the indexes know."""
        with transaction.atomic():
            note_change(self.account_id)
            return super().delete(*args, **kwargs)

    @property
    def public_id(self) -> str:
        """The id by which the API and sources name this entry."""
        return self.external_id or str(self.uuid)


class Revision(models.Model):
    """What an entry said from one change to the next."""

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=500)
    body = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()
    account_path = "entry__account"

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "number"], name="one_revision_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry} · {self.number}"
