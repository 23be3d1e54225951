"""E-mails to the owners of an account about their assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.models import Membership

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.models import Account


def write_to_owners(
    account: Account, subject: str, template: str, context: Mapping[str, Any]
) -> None:
    """Send what a template says, where e-mail is set up and somebody has an address."""
    addresses = Membership.objects.filter(
        account=account, role=Membership.Role.OWNER, user__is_active=True
    ).exclude(user__email="")
    if not settings.DEFAULT_FROM_EMAIL or not addresses.exists():
        return
    send_mail(
        subject,
        render_to_string(template, {**context, "public_url": settings.PUBLIC_URL}),
        None,
        list(addresses.values_list("user__email", flat=True)),
        # A mail server that is away is no reason to keep the other accounts waiting;
        # what is written about stands in the admin as well.
        fail_silently=True,
    )
