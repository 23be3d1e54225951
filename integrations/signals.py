"""What this app tells the apps above it."""

from django.dispatch import Signal

# Sent by `receiving.work_off` inside the transaction that marks the events as done.
# A failing receiver leaves the events waiting, to be taken up again.
# Provides `arrivals`: list of (ChannelFacts, Inbound), in the order of arrival.
things_arrived = Signal()

# Sent by `following.keep` inside the transaction that keeps what was read.
# A failing receiver has the ticket read again later.
# Provides `desk`: Desk, and `news`: TicketNews with only the replies that were not
# provided before. Not every ticket of a desk is known to every receiver.
ticket_changed = Signal()

# Sent after a channel was disconnected. Provides `channel`: Channel.
channel_disconnected = Signal()
