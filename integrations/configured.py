"""The channels that the operator's environment configures, for the default account."""

from __future__ import annotations

from django.conf import settings

from integrations import services
from integrations.models import Channel


def apply() -> list[str]:
    """Make the environment's channels, or bring them up to date; says what was done.

    The environment holds no webhook secret; one that was entered by hand stays.
    """
    wanted = {
        "base_url": settings.CHATWOOT_BASE_URL,
        "account_id": settings.CHATWOOT_ACCOUNT_ID,
        "bot_token": settings.CHATWOOT_API_TOKEN,
        "inbox_id": settings.CHATWOOT_INBOX_ID,
    }
    if not all(wanted[name] for name in ("base_url", "account_id", "bot_token")):
        return []
    default = Channel.objects.select_related("account").filter(is_default=True).first()
    if default is None:
        return ["Chatwoot is configured, but there is no default account yet."]
    known = Channel.objects.for_account(default.account).filter(provider="chatwoot")
    row = known.filter(name="Chatwoot").order_by("id").first()
    if row is None:
        row = services.create_channel(
            account=default.account, provider="chatwoot", credentials=wanted
        )
        return [f"Connected Chatwoot; its bot calls {row.webhook_path}"]
    merged = {**row.credentials, **{key: each for key, each in wanted.items() if each}}
    if merged == row.credentials:
        return []
    row.credentials = services.check_credentials("chatwoot", merged)
    row.save(update_fields=["credentials"])
    return ["Brought the Chatwoot channel up to date."]
