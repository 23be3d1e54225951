from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KnowledgeConfig(AppConfig):
    """What businesses know."""

    name = "knowledge"
    verbose_name = _("Knowledge")

    def ready(self) -> None:
        from knowledge import checks, encoding, receivers, source_step

        # Importing them registers checks, receivers and steps.
        del checks, encoding, receivers, source_step
