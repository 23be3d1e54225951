"""All settings. Each environment variable is read once, here; `.env.example` lists them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from core import keys, rates, schedule
from core.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

# Read when numpy is first loaded: an answer's share of a processor is one thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

env = Environment()
env.smart_cast = False
env.add(os.environ)
if env.bool("READ_DOT_ENV", True):
    env.add_file(BASE_DIR / ".env")

DATA_DIR = Path(env.str("DATA_DIR", "") or BASE_DIR / "var")
(DATA_DIR / "static").mkdir(parents=True, exist_ok=True)
if sys.argv[1:2] == ["serve"]:
    # The embedded size makes its own secrets.
    keys.ensure(DATA_DIR)
env.add_file(DATA_DIR / keys.FILE_NAME)


def _required(name: str, hint: str) -> str:
    value = env.str(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return str(value)


# --- Where the data lives -----------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", "") or f"sqlite:///{DATA_DIR / 'answerdesk.db'}"
#: Broker, cache and live events. Empty: everything in this one process.
REDIS_URL = env.str("REDIS_URL", "")

# --- Secrets ------------------------------------------------------------------

_KEYS_HINT = "`make run` makes one; for a server see docs/howto/run-on-a-server.md."
SECRET_KEY = _required("SECRET_KEY", _KEYS_HINT)
#: The first key encrypts, all of them decrypt; `manage.py rotate_keys` re-encrypts.
FIELD_ENCRYPTION_KEYS: list[str] = [
    key for key in _required("FIELD_ENCRYPTION_KEYS", _KEYS_HINT).split(",") if key
]

# --- The web ------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
#: Loads the demo business, and opens its agent console to whoever reaches the page.
#: On by default where nothing was configured: the embedded size.
DEMO = env.bool("DEMO", not (env.str("DATABASE_URL", "") or REDIS_URL))
HOST = env.str("HOST", "127.0.0.1")
PORT = env.int("PORT", 8000)
#: Proxies whose word on where a request comes from is taken.
FORWARDED_ALLOW_IPS = env.str("FORWARDED_ALLOW_IPS", "127.0.0.1")
PUBLIC_URL = env.str("PUBLIC_URL", "").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
# The proxy in front redirects to HTTPS; health checks behind it speak HTTP.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = ["security.W008"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
#: Bodies over this many bytes are refused with 413.
MAX_BODY_BYTES = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

ROOT_URLCONF = "core.urls"
ASGI_APPLICATION = "core.asgi.application"
APPEND_SLASH = False  # a POST must never be redirected; see core/api.py

IS_WORKER = Path(sys.argv[0]).name == "celery"
#: A worker shows no pages and loads none, until somebody asks for an address.
_ADMIN = (
    "django.contrib.admin.apps.SimpleAdminConfig"
    if IS_WORKER
    else "accounts.apps.AdminConfig"
)

INSTALLED_APPS = [
    _ADMIN,
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "rest_framework",
    "drf_spectacular",
    "knox",
    "channels",
    "core",
    "accounts",
    "knowledge",
    "integrations",
    "conversations",
    "ai_model",
    "escalation",
    "feedback",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "core.middleware.StaticFilesMiddleware",
    "core.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "conversations.cors.CorsMiddleware",
    "core.middleware.JsonErrorsMiddleware",
    "core.middleware.PathHintMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.acting.ActingMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# For calls that only wait for a reply; see core.shortcut.
SHORT_MIDDLEWARE = [
    "core.shortcut.Security",
    "core.middleware.ContentSecurityPolicyMiddleware",
    "core.shortcut.Locale",
    "conversations.cors.CorsMiddleware",
    "core.middleware.JsonErrorsMiddleware",
    "core.middleware.PathHintMiddleware",
    "core.shortcut.Common",
    "core.shortcut.XFrameOptions",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

#: Widgets of ours have their templates among the others.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", "") or DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

# --- Database -----------------------------------------------------------------

DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL)}
#: Celery closes pools after every task, so only the web process keeps one.
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", 0 if IS_WORKER else 8)
#: Off behind a pooler in transaction mode, where the next statement meets another session.
PREPARED_STATEMENTS = env.bool("PREPARED_STATEMENTS", True)
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
        ),
    }
else:
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5}
    # Else the pool hands out connections that died with a restart of the database.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    if DATABASE_POOL_SIZE:
        DATABASES["default"]["OPTIONS"]["pool"] = {
            "min_size": 1,
            "max_size": DATABASE_POOL_SIZE,
            "timeout": 10,
        }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Who may do what ----------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
KNOX_TOKEN_MODEL = "accounts.Token"  # noqa: S105 (a model's name, not a secret)
# Its own token table would stand empty beside ours.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": None,
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "core.parsers.JSONParser",
        "core.parsers.FormParser",
    ],
    "EXCEPTION_HANDLER": "core.api.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Answerdesk",
    "DESCRIPTION": "The chat that CRMs and pages speak to, and the API of an account.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["core.openapi.choose_views"],
    "POSTPROCESSING_HOOKS": ["core.openapi.add_plain_views"],
}

# --- Background work ----------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
# In process nothing waits for the broker: wake-ups go straight to the loop.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"visibility_timeout": 900, "max_connections": 32}
    if REDIS_URL
    else {"polling_interval": 0.2}
)
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = schedule.BEAT

CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "answerdesk",
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}
CHANNEL_LAYERS = {"default": {"BACKEND": "core.hub.HubLayer"}}

# --- The engine ---------------------------------------------------------------

#: Turns that one worker process runs at the same time.
ENGINE_CONCURRENCY = env.int("ENGINE_CONCURRENCY", 1000)
#: Seconds within which every message reaches a terminal state.
REPLY_BUDGET_S = env.float("REPLY_BUDGET_S", 45.0)
#: What one person may ask, as in `10/minute,60/hour`, or `off`; a channel may have its
#: own, and takes a hundred times as much in all.
CHAT_RATE_LIMIT = env.str("CHAT_RATE_LIMIT", "20/minute,200/hour")
#: What the programs of one person may call under `/api/v1/`, in the same way.
API_RATE_LIMIT = env.str("API_RATE_LIMIT", "600/minute")
for _name, _rate in (
    ("CHAT_RATE_LIMIT", CHAT_RATE_LIMIT),
    ("API_RATE_LIMIT", API_RATE_LIMIT),
):
    try:
        rates.parse(_rate)
    except ValueError as exc:
        raise ImproperlyConfigured(f"{_name}: {exc}.") from exc
#: Days after which raw webhook events that were worked off are deleted, unless an
#: account has set others.
EVENT_RETENTION_DAYS = env.int("EVENT_RETENTION_DAYS", 30)

# --- Outside services ---------------------------------------------------------
# What stands here was set by the operator and is trusted, loopback included.

GEMINI_API_KEY = env.str("GEMINI_API_KEY", "")
GEMINI_BASE_URL = env.str("GEMINI_BASE_URL", "")
GEMINI_MODEL = env.str("GEMINI_MODEL", "")
GEMINI_API_VERSION = env.str("GEMINI_API_VERSION", "v1beta")
OPENAI_API_KEY = env.str("OPENAI_API_KEY", "")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", "")
OPENAI_MODEL = env.str("OPENAI_MODEL", "")
#: `responses`, `chat`, or empty: responses at OpenAI, chat at any other base URL.
OPENAI_API_STYLE = env.str("OPENAI_API_STYLE", "")
#: Whether the model of a compatible server can be given pictures.
OPENAI_READS_IMAGES = env.bool("OPENAI_READS_IMAGES", False)
#: Where vectors come from: `local`, `openai`, `gemini` or `off`.
EMBEDDINGS = env.str("EMBEDDINGS", "local")
#: For `local`: another encoder than the packaged one, and the languages it speaks.
EMBEDDINGS_FOLDER = env.str("EMBEDDINGS_FOLDER", "")
EMBEDDINGS_LANGUAGES = env.list("EMBEDDINGS_LANGUAGES", default=[])
#: For `openai` and `gemini`; what is empty is as for answers, or the service's default.
EMBEDDINGS_MODEL = env.str("EMBEDDINGS_MODEL", "")
EMBEDDINGS_DIMENSIONS = env.int("EMBEDDINGS_DIMENSIONS", 0)
EMBEDDINGS_BASE_URL = env.str("EMBEDDINGS_BASE_URL", "")
EMBEDDINGS_API_KEY = env.str("EMBEDDINGS_API_KEY", "")
#: Host names that stored addresses may name although they resolve to private ones.
PRIVATE_HOSTS_ALLOWED = env.list("PRIVATE_HOSTS_ALLOWED", default=[])
CHATWOOT_BASE_URL = env.str("CHATWOOT_BASE_URL", "")
CHATWOOT_API_TOKEN = env.str("CHATWOOT_API_TOKEN", "")
CHATWOOT_ACCOUNT_ID = env.str("CHATWOOT_ACCOUNT_ID", "")
CHATWOOT_INBOX_ID = env.str("CHATWOOT_INBOX_ID", "")
#: The part before `.freshdesk.com`, and an agent's key: the default account's desk.
FRESHDESK_DOMAIN = env.str("FRESHDESK_DOMAIN", "")
FRESHDESK_API_KEY = env.str("FRESHDESK_API_KEY", "")
#: Stands in for every address of Freshdesk: a proxy, or `manage.py rehearse`.
FRESHDESK_BASE_URL = env.str("FRESHDESK_BASE_URL", "")
#: Telegram's Bot API; a proxy, a server of one's own, or `manage.py rehearse` instead.
TELEGRAM_BASE_URL = env.str("TELEGRAM_BASE_URL", "https://api.telegram.org")
#: Stands in for the Graph API of Facebook and of Instagram: a proxy, or a rehearsal.
META_GRAPH_BASE_URL = env.str("META_GRAPH_BASE_URL", "")
META_GRAPH_VERSION = env.str("META_GRAPH_VERSION", "v26.0")
#: Stands in for every account of Kommo: a proxy, or `manage.py rehearse`.
KOMMO_BASE_URL = env.str("KOMMO_BASE_URL", "")
#: The default account's flow, and where those of all accounts may be; clouds of
#: governments have other names.
TEAMS_WEBHOOK_URL = env.str("TEAMS_WEBHOOK_URL", "")
TEAMS_WEBHOOK_HOSTS = env.list(
    "TEAMS_WEBHOOK_HOSTS",
    default=["environment.api.powerplatform.com", "logic.azure.com"],
)
#: Phrases by which customers ask for a person, added to the documented ones.
ESCALATE_TO_HUMAN_KEYWORDS = env.list("ESCALATE_TO_HUMAN_KEYWORDS", default=[])

# --- E-mail -------------------------------------------------------------------
# Nothing is sent unless one of these is set. SENDER_EMAIL with SENDER_PASSWORD is Gmail,
# EMAIL_URL (smtp+tls://user:password@host:587) any other server.

SENDER_EMAIL = env.str("SENDER_EMAIL", "")
SENDER_PASSWORD = env.str("SENDER_PASSWORD", "")
EMAIL_URL = env.str("EMAIL_URL", "")
EMAIL_TIMEOUT = 10
if EMAIL_URL:
    vars().update(env.email_url_config(EMAIL_URL))
elif SENDER_EMAIL and SENDER_PASSWORD:
    EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS = "smtp.gmail.com", 587, True
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = SENDER_EMAIL, SENDER_PASSWORD
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
#: Who our e-mails are from; empty: none are sent.
DEFAULT_FROM_EMAIL = ""
if EMAIL_URL or SENDER_PASSWORD:
    DEFAULT_FROM_EMAIL = SENDER_EMAIL or vars().get("EMAIL_HOST_USER") or ""

#: Where customers' replies to our e-mails arrive: imaps://user:password@host:993/INBOX.
#: Empty: the mailbox of Gmail's sender, if that is who sends; `off`: none is read.
MAILBOX_URL = env.str("MAILBOX_URL", "")
if MAILBOX_URL.lower() == "off":
    MAILBOX_URL = ""
elif not MAILBOX_URL and SENDER_EMAIL and SENDER_PASSWORD and not EMAIL_URL:
    _login = f"{quote(SENDER_EMAIL, '')}:{quote(SENDER_PASSWORD, '')}"
    MAILBOX_URL = f"imaps://{_login}@imap.gmail.com"

#: With which links that verify e-mail addresses are signed: the first signs, all are
#: good. Empty: SECRET_KEY.
VERIFICATION_SECRETS = env.list("VERIFICATION_SECRETS", default=[])
#: Whether the Chatwoot channel that the environment makes begins with verification; by
#: itself where links can be made and sent.
CHATWOOT_VERIFY_EMAIL = env.bool(
    "CHATWOOT_VERIFY_EMAIL", bool(DEFAULT_FROM_EMAIL and PUBLIC_URL)
)

# --- Language and time --------------------------------------------------------

LANGUAGE_CODE = env.str("LANGUAGE_CODE", "en")
LANGUAGES = [
    ("en", _("English")),
    ("mn", _("Mongolian")),
    ("ru", _("Russian")),
    ("es", _("Spanish")),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

# --- Logs ---------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "celery": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
        "google_genai": {"level": "WARNING"},
    },
}
