from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Businesses and the people who work for them."""

    name = "accounts"
    verbose_name = _("Accounts")


class AdminConfig(admin_apps.AdminConfig):
    """The administration with our own site; not an app besides `AccountsConfig`."""

    default = False
    default_site = "accounts.site.Site"
