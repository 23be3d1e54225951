from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Channel, and all that speaks to somebody else's chat."""

    name = "integrations"
    verbose_name = _("Channels")

    def ready(self) -> None:
        from integrations import receiving

        del receiving  # importing it registers its step
