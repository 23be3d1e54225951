"""Kommo's documented paths."""

from django.urls import path

from integrations import kommo_api

urlpatterns = [
    path("api/kommo/chat/status", kommo_api.Status.as_view(), name="kommo-status"),
    path("api/kommo/widget/install", kommo_api.Install.as_view(), name="kommo-install"),
    path("widgets/shared/<str:name>", kommo_api.shared_file, name="kommo-shared-file"),
]
