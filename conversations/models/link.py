"""VerificationLink: what is sent to an address. VerificationMark: a provider is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.scoping import AccountQuerySet
from conversations.models.contact import Contact
from conversations.models.conversation import Conversation
from integrations.errands import Errand

if TYPE_CHECKING:
    from typing import Any


class VerificationLink(Errand):
    """A link on its way to an address that a contact told, and whether it was opened.

    A contact is verified once one of its links was opened; each new link ends the one
    before.
    """

    contact = models.ForeignKey(
        Contact,
        models.CASCADE,
        related_name="links",
        verbose_name=_("customer"),
    )
    #: Where it was asked for, and where its success is told.
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+")
    email = models.CharField(_("e-mail"), max_length=254)
    #: Language of the letter and its pages, as a code.
    lang = models.CharField(max_length=12, blank=True)
    expires_at = models.DateTimeField(_("good until"))
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    #: Since when another link stands in its place.
    replaced_at = models.DateTimeField(null=True, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta(Errand.Meta):
        verbose_name = _("e-mail verification")
        verbose_name_plural = _("e-mail verifications")
        indexes: ClassVar = [
            *Errand.Meta.indexes,
            models.Index(
                fields=["account", "email", "-created_at"], name="link_by_address"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_good(self) -> bool:
        """Whether opening it still verifies the contact."""
        has_ended = self.opened_at is not None or self.replaced_at is not None
        return not has_ended and self.expires_at > timezone.now()


class VerificationMark(Errand):
    """The provider is told, on the conversation, that an address was verified."""

    link = models.OneToOneField(
        VerificationLink, models.CASCADE, related_name="mark", verbose_name=_("e-mail")
    )

    objects = AccountQuerySet.as_manager()

    class Meta(Errand.Meta):
        verbose_name = _("note of a verification")
        verbose_name_plural = _("notes of verifications")

    def __str__(self) -> str:
        return str(self.link)

    @property
    def values(self) -> dict[str, Any]:
        """The documented attributes. They are for people to see; we never read them."""
        name = self.link.contact.external_id
        return {"email_verified": True, f"verified_contact_{name}": True}
