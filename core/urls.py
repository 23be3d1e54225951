"""The whole public surface; the paths are contracts."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from core.health_api import health
from core.openapi_pages import docs, schema

admin.autodiscover()  # where the app has not done so

urlpatterns = [
    path("", include("conversations.urls")),
    path("", include("escalation.urls")),
    path("api/", include("feedback.urls")),
    path("api/v1/ai/", include("ai_model.urls")),
    path("api/v1/knowledge/", include("knowledge.urls")),
    path("webhooks/desk/", include("integrations.urls")),
    path("", include("integrations.kommo_urls")),
    path("", include("ai_model.kommo_urls")),
    path("portal/", include("integrations.portal.urls")),
    path("api/health", health, name="health"),
    path("api/schema/", schema, name="schema"),
    path("api/docs/", docs, name="api-docs"),
    path("admin/", admin.site.urls),
    path(
        "login/",
        login_not_required(auth.LoginView.as_view(template_name="accounts/login.html")),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
]
