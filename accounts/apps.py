from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Businesses and the people who work for them."""

    name = "accounts"
