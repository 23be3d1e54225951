"""What this app tells the apps above it."""

from django.dispatch import Signal

# Sent before texts of an account go to a service that is paid for.
# Provides `account_id`: int. A receiver that returns False keeps them here.
encoding_wanted = Signal()

# Sent when such a service has made vectors for an account. Provides `account_id`: int,
# `provider`: str, `model`: str, `tokens`: int, estimated, and `latency_ms`: int.
texts_encoded = Signal()
