"""Which consumer serves which socket."""

from django.urls import path

from conversations.consumers import ChatConsumer, DeskConsumer
from conversations.dashboard_consumer import DashboardConsumer

websocket_urlpatterns = [
    path("ws/desk/", DeskConsumer.as_asgi()),
    path("ws/dashboard/", DashboardConsumer.as_asgi()),
    path("ws/chat/<uuid:channel>/", ChatConsumer.as_asgi()),
]
