from django.urls import path

from feedback import api

urlpatterns = [
    path("feedback", api.rate, name="feedback"),
    path(
        "chat/<uuid:channel>/messages/<uuid:message>/feedback",
        api.rate_on_page,
        name="chat-feedback",
    ),
]
