"""What this app tells the apps above it."""

from django.dispatch import Signal

# Sent by `intake.receive`, inside its transaction, before conversations begin, or go on
# after their end. Provides `accounts`: set of account ids. Receivers return, by account
# id, why people reply there; the assistant does in those that nobody names.
handler_wanted = Signal()

# Sent by `intake.receive`, inside its transaction, when contacts wrote.
# Provides `conversations`: list of Conversation, locked and up to date.
messages_received = Signal()

# Sent inside the transaction in which who replies has changed.
# Provides `conversation`: Conversation, with its new status, reason and epoch.
conversation_changed_hands = Signal()

# Sent by `replies.commit` and `reconcile`, inside their transactions, when questions were
# settled otherwise than answered, or by a "no" to the person who was offered.
# Provides `settled`: list of Settled; the conversations are locked and saved.
questions_unanswered = Signal()

# Sent inside the transaction in which unanswered questions are given to the assistant
# once more. Provides `conversation`: Conversation, locked, and `messages`: list of ids.
questions_asked_again = Signal()

# Sent inside the transaction in which a person's words are stored, after what they
# change in the conversation. Provides `message`: Message; its conversation is locked.
person_replied = Signal()

# Sent inside the transaction in which a contact rated an answer from the knowledge.
# Provides `message`: Message, the answer, and `is_right`: bool.
answer_rated = Signal()

# Sent when a developer's agent wants to know how a reply came about.
# Provides `question`: Message of the contact. Receivers return plain values by name.
measures_wanted = Signal()

# Sent before conversations are closed for being quiet, or deleted for being old.
# Provides `conversations`: set of ids. Receivers return those that are not done with.
unfinished_wanted = Signal()

# Sent inside the transaction in which contacts were made nameless.
# Provides `conversations`: list of the ids of their conversations.
contacts_anonymised = Signal()

# Sent inside the transaction in which a contact pressed a button under a reply.
# Provides `message`: Message, the reply, and `is_helpful`: bool. Its conversation is
# locked.
reply_rated = Signal()

# Sent inside the transaction in which what was said in conversations was erased, after
# `contacts_anonymised`. Provides `conversations`: list of their ids.
words_forgotten = Signal()
