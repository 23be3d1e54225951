from django.apps import AppConfig


class AiModelConfig(AppConfig):
    """Assistant, turns and what they use."""

    name = "ai_model"

    def ready(self) -> None:
        from ai_model import checks, engine

        del checks, engine  # importing them registers checks and step
