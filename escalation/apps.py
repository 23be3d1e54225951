from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EscalationConfig(AppConfig):
    """Why a person was needed, and what came of it."""

    name = "escalation"
    verbose_name = _("Escalations")

    def ready(self) -> None:
        from escalation import ladder, receivers

        del ladder, receivers  # importing them registers steps and receivers
