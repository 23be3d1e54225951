from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Contact, conversation, message, delivery."""

    name = "conversations"

    def ready(self) -> None:
        from conversations import delivery, receivers

        del delivery, receivers  # importing them registers step and receivers
