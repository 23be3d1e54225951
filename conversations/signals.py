"""What this app tells the apps above it."""

from django.dispatch import Signal

# Sent by `intake.receive`, inside its transaction, when contacts wrote.
# Provides `conversations`: list of Conversation, locked and up to date.
messages_received = Signal()

# Sent inside the transaction in which who replies has changed.
# Provides `conversation`: Conversation, with its new status, reason and epoch.
conversation_changed_hands = Signal()
