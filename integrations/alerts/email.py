"""Alerts by e-mail, to the support address of the account, or to its owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import mail
from core.exceptions import PermanentProviderError
from core.language import speaking
from integrations.adapters.base import CredentialField
from integrations.alerts.base import AlertAdapter

if TYPE_CHECKING:
    from integrations.alerts.base import Alert


class EmailAlertAdapter(AlertAdapter):
    """One e-mail to the support address, or to all owners that have one."""

    key = "email"
    label = _("E-mail")
    credential_fields = (
        CredentialField(
            "address", "Support address", is_secret=False, is_required=False
        ),
    )

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who is written to."""
        address = self.account.credentials.get("address", "")
        return (address,) if address else self.account.owner_emails

    def refusal(self) -> str:
        address = self.account.credentials.get("address", "")
        try:
            if address:
                validate_email(address)
        except ValidationError as exc:
            return str(exc.messages[0])
        return "" if mail.is_configured() else gettext("E-mail is not configured.")

    async def send(self, alert: Alert) -> None:
        if not self.recipients:
            raise PermanentProviderError(
                gettext("No owner of the account has an e-mail address."),
                provider=self.key,
            )
        with speaking(self.account.spoken):
            letter = self._letter(alert)
        await mail.send(letter)

    def _letter(self, alert: Alert) -> mail.Mail:
        context = {"alert": alert, "account": self.account.account_name}
        return mail.Mail(
            reference=alert.reference,
            to=self.recipients,
            # No words of the customer: they would become a header.
            subject=gettext("A customer needs a person: %(reason)s")
            % {"reason": alert.reason},
            text=render_to_string("integrations/alert.txt", context),
            html=render_to_string("integrations/alert.html", context),
            sender_name="Answerdesk",
        )
