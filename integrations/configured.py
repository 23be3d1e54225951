"""What the operator's environment connects, for the default account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings

from core.exceptions import ProviderError
from integrations import alerting, desk_setup, services
from integrations.models import AlertTarget, Channel, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from accounts.models import Account


def apply() -> list[str]:
    """Make what the environment names, or bring it up to date; says what was done.

    The environment holds no webhook secret; one that was entered by hand stays.
    """
    chosen = [each for each in _named() if all(each.wanted.values())]
    if not chosen:
        return []
    default = Channel.objects.select_related("account").filter(is_default=True).first()
    if default is None:
        return [
            f"{each.label} is configured, but there is no default account yet."
            for each in chosen
        ]
    return [
        line
        for each in chosen
        for line in each.connect(default.account, {**each.wanted, **each.optional})
    ]


@dataclass(frozen=True, slots=True)
class _Service:
    """A service that the environment may name."""

    label: str
    connect: Callable[[Account, Mapping[str, str]], list[str]]
    #: Credentials without which it is not meant.
    wanted: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)


def _named() -> list[_Service]:
    chatwoot = {
        "base_url": settings.CHATWOOT_BASE_URL,
        "account_id": settings.CHATWOOT_ACCOUNT_ID,
        "bot_token": settings.CHATWOOT_API_TOKEN,
    }
    inbox = {"inbox_id": settings.CHATWOOT_INBOX_ID}
    freshdesk = {
        "domain": settings.FRESHDESK_DOMAIN,
        "api_key": settings.FRESHDESK_API_KEY,
    }
    return [
        _Service("Chatwoot", _chatwoot, chatwoot, inbox),
        _Service("Freshdesk", _freshdesk, freshdesk),
        _Service("Microsoft Teams", _teams, {"url": settings.TEAMS_WEBHOOK_URL}),
    ]


def _chatwoot(account: Account, wanted: Mapping[str, str]) -> list[str]:
    known = Channel.objects.for_account(account).filter(provider="chatwoot")
    row = known.filter(name="Chatwoot").order_by("id").first()
    if row is None:
        row = services.create_channel(
            account=account, provider="chatwoot", credentials=wanted
        )
        # From here on the owner decides.
        row.verifies_email = settings.CHATWOOT_VERIFY_EMAIL
        row.save(update_fields=["verifies_email"])
        return [f"Connected Chatwoot; its bot calls {row.webhook_path}"]
    merged = {**row.credentials, **{key: each for key, each in wanted.items() if each}}
    if merged == row.credentials:
        return []
    row.credentials = services.check_credentials("chatwoot", merged)
    row.save(update_fields=["credentials"])
    return ["Brought the Chatwoot channel up to date."]


def _freshdesk(account: Account, wanted: Mapping[str, str]) -> list[str]:
    known = Desk.objects.for_account(account).filter(provider="freshdesk")
    desk = known.filter(name="Freshdesk").order_by("id").first()
    if desk is None:
        done = "Connected Freshdesk."
        desk = desk_setup.new_desk(
            account=account, provider="freshdesk", credentials=wanted
        )
    elif all(desk.credentials.get(name) == each for name, each in wanted.items()):
        return []
    else:
        done = "Brought Freshdesk up to date."
        desk_setup.set_credentials(desk, wanted)
    try:
        desk_setup.look(desk)
    except ProviderError as exc:
        # The service starts without it; the page of the desk tries again.
        desk.error = str(exc)[:300]
        done += f" It does not work yet: {exc}"
    desk.save()
    if labels := desk_setup.missing(desk):
        done += f" Its form requires a value for: {', '.join(labels)}."
    return [done]


def _teams(account: Account, wanted: Mapping[str, str]) -> list[str]:
    target = AlertTarget.objects.for_account(account).filter(service="teams").first()
    target = target or AlertTarget(account=account, service="teams")
    if target.credentials.get("url") == wanted["url"]:
        return []
    target.credentials = {**target.credentials, **wanted}
    target.error = alerting.adapter_of(account, target, "teams").refusal()
    target.save()
    # The address itself is a secret.
    return [f"Microsoft Teams: {target.error or 'alerts go to ' + target.place + '.'}"]
