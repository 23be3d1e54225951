from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    """What businesses know."""

    name = "knowledge"
