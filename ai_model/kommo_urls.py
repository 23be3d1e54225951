"""The one of Kommo's documented paths that asks the assistant."""

from django.urls import path

from ai_model import kommo_api

urlpatterns = [
    path("api/kommo/chat/test", kommo_api.Test.as_view(), name="kommo-test"),
]
