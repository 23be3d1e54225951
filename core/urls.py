"""The whole public surface; the paths are contracts."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from core.health import health

urlpatterns = [
    path("", include("conversations.urls")),
    path("api/health", health, name="health"),
    path("admin/", admin.site.urls),
    path(
        "login/",
        login_not_required(auth.LoginView.as_view(template_name="accounts/login.html")),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
]
