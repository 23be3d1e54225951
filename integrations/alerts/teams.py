"""Alerts in a channel of Microsoft Teams, through a flow of Workflows.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from core import http
from core.exceptions import PermanentProviderError, TemporaryProviderError
from core.language import speaking
from integrations.adapters.base import CredentialField
from integrations.alerts import card
from integrations.alerts.base import AlertAdapter

if TYPE_CHECKING:
    from core.calls import Response
    from integrations.alerts.base import Alert

#: The connectors that were switched off in May 2026.
RETIRED: Final = ("webhook.office.com", "outlook.office.com", "outlook.office365.com")
#: Where flows lived before; those of Logic Apps proper still do.
FORMER: Final = "logic.azure.com"
LONGEST_URL: Final = 2000
#: Seconds until the next attempt where a throttled flow names none.
THROTTLED_S: Final = 60.0
#: In the header the owner's flow may look for a secret of its own.
SECRET_HEADER: Final = "X-Alert-Secret"  # noqa: S105 (a name, not a secret)

_CLOSED = gettext_noop(
    "The flow does not take our calls: in Workflows set “Who can trigger the flow” to"
    " “Anyone”, and copy its address again."
)
_GONE = gettext_noop(
    "The flow was deleted, switched off, or has another address. Copy its address again."
)
#: What an answer means to whoever has to mend it.
_WORDS: Final = {
    400: gettext_noop("Teams says that the address of the flow is damaged."),
    401: _CLOSED,
    403: _CLOSED,
    404: _GONE,
    410: _GONE,
}


class TeamsAlertAdapter(AlertAdapter):
    """One card for each alert; a burst becomes one card a minute."""

    key = "teams"
    label = _("Microsoft Teams")
    credential_fields = (
        CredentialField("url", "Address of the flow"),
        CredentialField(
            "secret", "Secret for its trigger condition", is_required=False
        ),
    )
    most_attempts = 3
    sums_up_s = 60.0

    @property
    def _url(self) -> str:
        return self.account.credentials.get("url", "")

    @property
    def _is_trusted(self) -> bool:
        return bool(self._url) and self._url == settings.TEAMS_WEBHOOK_URL

    def refusal(self) -> str:
        if not self._url:
            return gettext("The address of the flow is missing.")
        try:
            parts = urlsplit(self._url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return gettext("This is not an address.")
        if _is_within(host, RETIRED):
            return gettext(
                "Microsoft has switched off connectors (“Incoming Webhook”). Make a flow"
                " with the app Workflows instead, from the template “Send webhook alerts"
                " to a channel”, and enter its address."
            )
        if self._is_trusted:
            return ""
        is_plain = (
            parts.scheme == "https" and port in (None, 443) and "@" not in parts.netloc
        )
        if not is_plain or len(self._url) > LONGEST_URL:
            return gettext(
                "The address must begin with https:// and name no port but 443."
            )
        if not _is_within(host, settings.TEAMS_WEBHOOK_HOSTS):
            return gettext(
                "This is not the address of a flow: its host must end with one of"
                " %(hosts)s."
            ) % {"hosts": ", ".join(settings.TEAMS_WEBHOOK_HOSTS)}
        return ""

    def warning(self) -> str:
        host = urlsplit(self._url).hostname or ""
        if not _is_within(host, (FORMER,)):
            return ""
        return gettext(
            "Flows at %(host)s were announced to stop. Copy the new address of the flow,"
            " which ends with environment.api.powerplatform.com."
        ) % {"host": FORMER}

    async def send(self, alert: Alert) -> None:
        with speaking(self.account.spoken):
            if refusal := self.refusal():
                raise PermanentProviderError(refusal, provider=self.key)
            bodies = [card.message(alert), card.message(alert, is_short=True)]
            response = await self._post(bodies[0])
            if response.status_code == 413:
                response = await self._post(bodies[1])
            self._judge(response)

    async def _post(self, body: object) -> Response:
        secret = self.account.credentials.get("secret", "")
        return await http.request(
            "POST",
            self._url,
            provider=self.key,
            trusted=self._is_trusted,
            # Told twice is better than not told.
            repeatable=True,
            json=body,
            headers={SECRET_HEADER: secret} if secret else None,
            check=False,
        )

    def _judge(self, response: Response) -> None:
        """Raise what an answer stands for. 202 says that the flow began, no more."""
        if response.status_code < 300:
            return
        error = http.error_from_response(response, provider=self.key)
        if words := _WORDS.get(response.status_code):
            text = f"{gettext(words)} ({response.status_code})"
            raise PermanentProviderError(
                text, provider=self.key, status=response.status_code
            )
        if response.status_code == 429 and error.retry_after is None:
            raise TemporaryProviderError(
                str(error), provider=self.key, status=429, retry_after=THROTTLED_S
            )
        raise error


def _is_within(host: str, names: tuple[str, ...] | list[str]) -> bool:
    """Whether a host is one of these, or below one; label by label."""
    labels = host.lower().rstrip(".").split(".")
    return any(labels[-len(each.split(".")) :] == each.split(".") for each in names)
