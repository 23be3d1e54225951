"""Portrait: a contact's picture, as their provider had it."""

from __future__ import annotations

from django.db import models

from accounts.scoping import AccountQuerySet

#: What the first bytes of a picture that browsers may see say of it.
_KINDS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}


class Portrait(models.Model):
    """The bytes of a picture. Addresses of providers end, or open what is not theirs."""

    contact = models.OneToOneField(
        "conversations.Contact", models.CASCADE, related_name="portrait"
    )
    image = models.BinaryField()
    content_type = models.CharField(max_length=20)

    objects = AccountQuerySet["Portrait"].as_manager()
    account_path = "contact__account"

    def __str__(self) -> str:
        return f"{self.contact_id} {self.content_type}"


def kind_of(image: bytes) -> str:
    """The content type of a picture; empty for anything else."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _KINDS.items() if image.startswith(mark)), "")
