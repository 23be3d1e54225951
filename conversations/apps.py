from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConversationsConfig(AppConfig):
    """Contact, conversation, message, delivery."""

    name = "conversations"
    verbose_name = _("Conversations")

    def ready(self) -> None:
        from conversations import delivery, keeping, looking, receivers, verifying

        # Importing them registers steps, receivers, and what is kept how long.
        del delivery, keeping, looking, receivers, verifying
