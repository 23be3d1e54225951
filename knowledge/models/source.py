"""Source: where entries are read from; Upload: a file that waits to be read."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from core.models import UUIDModel
from knowledge.models.entry import Entry


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
