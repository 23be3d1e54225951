"""Who writes in, what is said, and how it gets there."""

from conversations.models.contact import Contact, Portrait
from conversations.models.conversation import Conversation, ConversationQuerySet
from conversations.models.delivery import Delivery
from conversations.models.link import VerificationLink, VerificationMark
from conversations.models.message import Message

__all__ = [
    "Contact",
    "Conversation",
    "ConversationQuerySet",
    "Delivery",
    "Message",
    "Portrait",
    "VerificationLink",
    "VerificationMark",
]
