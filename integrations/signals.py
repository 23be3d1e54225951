"""What this app tells the apps above it."""

from django.dispatch import Signal

# Sent by `receiving.work_off` inside the transaction that marks the events as done.
# A failing receiver leaves the events waiting, to be taken up again.
# Provides `arrivals`: list of (ChannelFacts, Inbound), in the order of arrival.
things_arrived = Signal()
