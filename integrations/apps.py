from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Channel and Desk, and all that speaks to somebody else's service."""

    name = "integrations"
    verbose_name = _("Channels")

    def ready(self) -> None:
        from integrations import following, keeping, receivers, receiving

        # Importing them registers steps, receivers, and what is kept how long.
        del following, keeping, receivers, receiving
