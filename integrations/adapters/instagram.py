"""Instagram, with Instagram login. Facts: docs/providers/meta.md."""

from __future__ import annotations

import time
from typing import ClassVar, Final

from core.exceptions import CredentialsRefused, PermanentProviderError
from core.text import utf8_bytes
from integrations.adapters.base import CredentialField
from integrations.adapters.meta import MetaAdapter
from integrations.adapters.meta_messaging import MessagingAdapter
from integrations.adapters.rows import words

#: Seconds before its end at which a token is renewed; it holds for sixty days.
_RENEWAL_S: Final = 10 * 24 * 3600


class InstagramAdapter(MessagingAdapter):
    """A professional account; no Facebook page is needed."""

    key = "instagram"
    label = "Instagram"
    object = "instagram"
    host = "https://graph.instagram.com"
    max_length = 1000
    identity = "user_id"
    #: `id` is another one, which no webhook carries.
    identity_field = "user_id"
    profile_fields = "name,username,profile_pic"
    subscribed = f"{MessagingAdapter.subscribed},messaging_seen,message_edit"
    credential_fields: ClassVar[tuple[CredentialField, ...]] = (
        *MetaAdapter.shared_fields,
        CredentialField(
            "user_id",
            "Number of the account",
            is_secret=False,
            is_required=False,
            is_generated=True,
        ),
        CredentialField(
            "token_ends_at",
            "End of the access token",
            is_secret=False,
            is_required=False,
            is_generated=True,
        ),
    )

    def measure(self, text: str) -> int:
        return utf8_bytes(text)

    async def renew(self) -> dict[str, str]:
        ends_at = float(self.channel.credentials.get("token_ends_at") or 0)
        if ends_at - time.time() > _RENEWAL_S:
            return {}
        try:
            made = await self.api.call(
                "GET", "refresh_access_token", grant_type="ig_refresh_token"
            )
        except CredentialsRefused:
            raise
        except PermanentProviderError:
            return {}  # younger than a day, so it cannot be renewed yet
        lasts_s = made.get("expires_in")
        if not words(made, "access_token") or not isinstance(lasts_s, int):
            return {}
        return {
            "access_token": words(made, "access_token"),
            "token_ends_at": str(int(time.time()) + lasts_s),
        }
