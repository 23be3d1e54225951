"""What a business knows: entries, and what they said before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from accounts.services import as_uuid
from core.models import UUIDModel
from core.store import is_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User


def note_change(account_id: int) -> None:
    """Tell the search indexes of an account that they are old.

    In the same transaction as the change: whoever claims a turn after it sees both.
    """
    Account.objects.filter(pk=account_id).update(
        knowledge_version=models.F("knowledge_version") + 1
    )


def hold_knowledge(account_ids: Iterable[int]) -> None:
    """Let nobody else change the knowledge of these accounts until the transaction ends.

    Comes before any lock on entries, questions or gaps, and `note_change` comes with it:
    who locks in one order never waits for somebody who waits for them.
    """
    rows = Account.objects.select_for_update(no_key=True).filter(pk__in=account_ids)
    list(rows.order_by("pk").values_list("pk"))


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


class Source(UUIDModel):
    """A place outside that entries are read from, once or again and again."""

    class Kind(models.TextChoices):
        FILE = "file", _("File")
        PAGE = "page", _("Web page")
        SITEMAP = "sitemap", _("Sitemap")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting to be read")
        READING = "reading", _("Being read")
        READ = "read", _("Read")
        FAILED = "failed", _("Could not be read")

    account = models.ForeignKey(Account, models.CASCADE, related_name="sources")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    #: Of a page or sitemap its URL, of a file its name.
    address = models.CharField(_("address"), max_length=500)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=State.choices,
        default=State.WAITING,
        editable=False,
    )
    entry_type = models.CharField(
        _("type of its entries"),
        max_length=20,
        choices=Entry.Type.choices,
        default=Entry.Type.ARTICLE,
    )
    #: Empty: only when somebody asks for it.
    every_hours = models.PositiveIntegerField(
        _("read again every … hours"), null=True, blank=True
    )
    #: Who asked for it, and becomes the author of what changes.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    #: When it is read next; claimed by moving it on, as long as the reading goes on.
    due_at = models.DateTimeField(null=True, blank=True, editable=False)
    read_at = models.DateTimeField(
        _("last read"), null=True, blank=True, editable=False
    )
    #: What the last reading brought, as people read it.
    report = models.TextField(_("report"), blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("knowledge source")
        verbose_name_plural = _("knowledge sources")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "address"], name="one_source_per_address"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(due_at__isnull=False),
                name="source_due",
            )
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def is_being_read(self) -> bool:
        """Whether some process is at it, and alive."""
        return (
            self.state == Source.State.READING
            and self.due_at is not None
            and self.due_at > timezone.now()
        )


class ExampleQuerySet(AccountQuerySet["Example"]):
    """Learned questions, by what may be done with them."""

    def approved(self) -> ExampleQuerySet:
        """Those that the search learns from."""
        return self.filter(status=Example.Status.APPROVED)


class Upload(models.Model):
    """The bytes of a file that waits to be read; gone when that is done."""

    source = models.OneToOneField(Source, models.CASCADE, related_name="upload")
    data = models.BinaryField()
    #: Whether entries that an earlier upload brought, and this one lacks, are archived.
    archives_missing = models.BooleanField(default=False)

    objects = AccountQuerySet.as_manager()
    account_path = "source__account"

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")

    def __str__(self) -> str:
        return str(self.source)


class Example(UUIDModel):
    """A question that an entry answers, as a contact asks it."""

    class Origin(models.TextChoices):
        #: A contact asked it, and the answer was confirmed or a person gave it.
        CONFIRMED = "confirmed", _("Confirmed answer")
        #: It came with the knowledge: earlier questions of a business.
        IMPORTED = "imported", _("Imported")
        #: A model made it up from the entry; never taken for a real one.
        GENERATED = "generated", _("Generated")

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("To be reviewed")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="examples")
    text = models.TextField(_("question"))
    #: SHA-256 of the text in lower case without punctuation, in hex.
    digest = models.CharField(max_length=64, editable=False)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin.choices)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PROPOSED
    )
    #: The message it was learned from, by its UUID.
    reference = models.CharField(max_length=100, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True
    )

    objects = ExampleQuerySet.as_manager()
    account_path = "entry__account"

    class Meta:
        verbose_name = _("learned question")
        verbose_name_plural = _("learned questions")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "digest"], name="one_example_per_wording"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["reference"], name="example_by_reference")
        ]

    def __str__(self) -> str:
        return self.text


class Vector(models.Model):
    """What an encoder makes of one text of an entry; gone with the entry."""

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="vectors")
    #: The encoder with its version; vectors of different ones never meet.
    model = models.CharField(max_length=100)
    #: SHA-256 of the text, in hex.
    digest = models.CharField(max_length=64)
    #: 16-bit floats of unit length together, little-endian.
    data = models.BinaryField()

    objects = AccountQuerySet.as_manager()
    account_path = "entry__account"

    class Meta:
        verbose_name = _("vector")
        verbose_name_plural = _("vectors")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["entry", "model", "digest"], name="one_vector_per_text"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} · {self.model}"


class KnowledgeIndex(Account):  # type: ignore[django-manager-missing]
    """An account, seen as what its answers search."""

    class Meta:
        proxy = True
        verbose_name = _("search index")
        verbose_name_plural = _("search indexes")


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
