from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedbackConfig(AppConfig):
    """What customers say of answers."""

    name = "feedback"
    verbose_name = _("Feedback")

    def ready(self) -> None:
        from feedback import receivers

        del receivers  # importing them registers them
