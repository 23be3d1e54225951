from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Channel, and all that speaks to somebody else's chat."""

    name = "integrations"

    def ready(self) -> None:
        from integrations import receiving

        del receiving  # importing it registers its step
