from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AiModelConfig(AppConfig):
    """Assistant, turns and what they use."""

    name = "ai_model"
    verbose_name = _("Assistant")

    def ready(self) -> None:
        from ai_model import checks, engine, keeping, receivers
        from ai_model.instructions_page import INSTRUCTIONS
        from integrations.portal import base as portal

        # Importing them registers checks, step, receivers, and what is kept how long.
        del checks, engine, keeping, receivers
        portal.add("kommo", INSTRUCTIONS)
