"""`python -m bench`: what the product does per second, and what it adds per message."""
