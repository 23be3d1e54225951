"""Contact: the person who writes in; Portrait: their picture, as the provider had it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from accounts.scoping import AccountQuerySet
from core.models import UUIDModel
from integrations.models import Channel


class Contact(UUIDModel):
    """The person who writes in."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="contacts")
    # Found by the unique key, which begins with it.
    channel = models.ForeignKey(
        Channel, models.CASCADE, related_name="contacts", db_index=False
    )
    #: The provider's id of this person.
    external_id = models.CharField(max_length=200)
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    #: What else the provider or the CRM told: phone, agency, office.
    profile = models.JSONField(default=dict, blank=True)
    #: When the provider is asked who it is; empty: when they write next.
    profile_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When their picture was taken in; empty: there is none.
    portrait_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: When all that tells who it is was taken away.
    anonymised_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "external_id"], name="one_contact_per_external_id"
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What support staff see: the name, or a number where there is none."""
        return self.name or f"user-{self.pk}"


class Portrait(models.Model):
    """The bytes of a picture. Addresses of providers end, or open what is not theirs."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="portrait")
    image = models.BinaryField()
    content_type = models.CharField(max_length=20)

    objects = AccountQuerySet["Portrait"].as_manager()
    account_path = "contact__account"

    def __str__(self) -> str:
        return f"{self.contact_id} {self.content_type}"
