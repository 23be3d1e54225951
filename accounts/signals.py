"""What this app tells the apps above it."""

from django.dispatch import Signal

# Sent inside the transaction in which an account is given up: nothing may arrive for it,
# or leave it, any more. Provides `account`: Account.
account_closing = Signal()

# Sent again and again while an account is deleted. Provides `account`: Account. Receivers
# delete a batch of what they own and return how much of it there was; when all return
# nothing, the account itself goes.
rows_unwanted = Signal()
