from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KnowledgeConfig(AppConfig):
    """What businesses know."""

    name = "knowledge"
    verbose_name = _("Knowledge")

    def ready(self) -> None:
        from knowledge import checks, encoding, source_step

        del checks, encoding, source_step  # importing them registers checks and steps
