"""Alerts by e-mail, to the owners of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import mail
from core.exceptions import PermanentProviderError
from core.language import speaking
from integrations.alerts.base import AlertAdapter

if TYPE_CHECKING:
    from integrations.alerts.base import Alert


class EmailAlertAdapter(AlertAdapter):
    """One e-mail to all owners that have an address."""

    key = "email"
    label = _("E-mail to the owners")

    async def send(self, alert: Alert) -> None:
        if not self.account.owner_emails:
            raise PermanentProviderError(
                gettext("No owner of the account has an e-mail address."),
                provider=self.key,
            )
        with speaking(settings.LANGUAGE_CODE):
            letter = self._letter(alert)
        await mail.send(letter)

    def _letter(self, alert: Alert) -> mail.Mail:
        context = {"alert": alert, "account": self.account.account_name}
        return mail.Mail(
            reference=alert.reference,
            to=self.account.owner_emails,
            # No words of the customer: they would become a header.
            subject=gettext("A customer needs a person: %(reason)s")
            % {"reason": alert.reason},
            text=render_to_string("integrations/alert.txt", context),
            html=render_to_string("integrations/alert.html", context),
            sender_name="Answerdesk",
        )
