"""Paths of this app beside the inbox."""

from django.urls import path

from integrations import views

urlpatterns = [
    path("<uuid:desk>/<str:token>", views.ticket_hint, name="ticket-hint"),
]
