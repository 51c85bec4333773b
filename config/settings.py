"""Settings, read from the environment and `.env`; docs/operations.md has the table of variables.

Without any variable set this is the embedded product: SQLite, files and keys under `var/`, DEBUG off,
reachable from this machine only.
"""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import environ
from csp import constants as csp
from django.core.exceptions import ImproperlyConfigured

from config import brokers, databases, keys, logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VERSION = "0.1.0"
DATA_DIR = Path(env.str("POSTRIDER_DATA", default=str(BASE_DIR / "var"))).resolve()
# "Production" is said, not guessed: with it, everything that is convenient on a desk is refused.
PRODUCTION = env.bool("POSTRIDER_PRODUCTION", default=False)
DEBUG = env.bool("POSTRIDER_DEBUG", default=False)
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured(
        "POSTRIDER_DEBUG must be off when POSTRIDER_PRODUCTION is on: it shows secrets."
    )

SECRET_KEY = keys.from_environment_or_file("SECRET_KEY", env, DATA_DIR, production=PRODUCTION)
POSTRIDER_FIELD_KEYS = keys.field_keys(env, DATA_DIR, production=PRODUCTION)
ALLOWED_HOSTS = env.list(
    "POSTRIDER_ALLOWED_HOSTS", default=[] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]"]
)
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "Set POSTRIDER_ALLOWED_HOSTS to the host names that staff type, separated by commas."
    )
CSRF_TRUSTED_ORIGINS = env.list("POSTRIDER_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "config",
    "config.apps.PostriderAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "django_htmx",
    "axes",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest",
    "audit",
    "delivery",
    "customers",
    "orders",
    "exports",
    "postbacks",
    "demo",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.headers.HeadersSet",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.operations.HostChecked",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'postrider.sqlite3'}")}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # One writer at a time: take the write lock at BEGIN and wait for it, instead of failing half-way.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-64000;",
    }
elif _database["ENGINE"].endswith("postgresql"):
    # django-q2 closes "old" connections at every enqueue: without an age that is a connection per call.
    _database.setdefault("CONN_MAX_AGE", 60)
    _database["CONN_MAX_AGE"] = _database["CONN_MAX_AGE"] or 60
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {
        **databases.enduring(env.int("POSTRIDER_DATABASE_PATIENCE_SECONDS", default=60)),
        **_database.get("OPTIONS", {}),
    }
else:
    raise ImproperlyConfigured("DATABASE_URL must name SQLite (sqlite:///…) or PostgreSQL (postgres://…).")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "files"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a profile page sends eight for each of its mappings
MEDIA_URL = ""  # uploaded files are never served by address, only by views that check permission
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)

LOGIN_URL = "admin:login"
# Who guesses passwords has to wait (config/throttling.py). While one is locked out nothing is written.
POSTRIDER_PROXIES = env.int("POSTRIDER_PROXIES", default=0)
POSTRIDER_LOGIN_FAILURES = env.int("POSTRIDER_LOGIN_FAILURES", default=5)
POSTRIDER_LOGIN_MINUTES = env.int("POSTRIDER_LOGIN_MINUTES", default=15)
if POSTRIDER_PROXIES < 0 or POSTRIDER_LOGIN_FAILURES < 1 or POSTRIDER_LOGIN_MINUTES < 1:
    raise ImproperlyConfigured(
        "POSTRIDER_PROXIES must be at least 0, POSTRIDER_LOGIN_FAILURES and POSTRIDER_LOGIN_MINUTES 1."
    )
AXES_FAILURE_LIMIT = POSTRIDER_LOGIN_FAILURES
AXES_COOLOFF_TIME = timedelta(minutes=POSTRIDER_LOGIN_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "rest.clients.client_address"
AXES_USERNAME_CALLABLE = "config.throttling.user_name"
AXES_LOCKOUT_CALLABLE = "config.throttling.locked_out"
AXES_ENABLE_ADMIN = False  # config/admin/logins.py has pages that stay quick
AXES_VERBOSE = False
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {  # nothing from elsewhere, and nothing that a page itself could smuggle in
    "DIRECTIVES": {
        "default-src": [csp.SELF],
        "img-src": [csp.SELF, "data:"],
        "base-uri": [csp.NONE],
        "form-action": [csp.SELF],
        "frame-ancestors": [csp.NONE],
        "object-src": [csp.NONE],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600  # seconds from the login: a working day
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = env.int("POSTRIDER_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]  # probes come inside, without encryption

# --- the clock and the cluster -----------------------------------------------------------------------
# django-q2 may run a task twice and before its caller commits, so tasks carry no work of their own: they
# say "look at the tables". `retry` clears timeout × (1 + queue_limit / workers) with a margin; a retry
# before that would run a task that is still running (docs/adr/0004).
DRAIN_SECONDS = 50
Q_CLUSTER = {
    "name": "postrider",
    **brokers.broker(env.str("REDIS_URL", default="")),
    "workers": env.int("POSTRIDER_WORKERS", default=2),
    "timeout": 300,
    "retry": 700,
    "queue_limit": 1,
    "bulk": 1,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": 100,
    "poll": 0.5,
    "label": "Background tasks",
}

# --- Postrider ---------------------------------------------------------------------------------------
POSTRIDER_CHANNELS = {"export": "exports.channel", "postback": "postbacks.channel"}
# Called as soon as something was recorded.
POSTRIDER_SUBSCRIBERS = ["postbacks.taking.run", "exports.sweep.run_immediate"]
# Who empties what when a person is erased (customers/erasing.py); the order is that of a walk.
POSTRIDER_ERASERS = [
    "customers.erasing.CustomerEraser",
    "orders.lifecycle.erasing.OrderEraser",
    "delivery.erasing.deliveries.DeliveryEraser",
    "delivery.erasing.deliveries.EventEraser",
    "exports.erasing.LastErrorEraser",
    "config.erasing.AnswerEraser",
    "config.erasing.AdminLogEraser",
    "config.erasing.TaskEraser",
    "demo.erasing.ReceiverEraser",
]
# Called after a dump was restored into a new PostgreSQL cluster.
POSTRIDER_AFTER_RESTORE = ["exports.sweep.log.look_anew", "postbacks.taking.look_anew"]
POSTRIDER_AFTER_COMMIT_TASK = "config.schedules.after_commit"
POSTRIDER_SWEEP_MINUTES = env.int("POSTRIDER_SWEEP_MINUTES", default=15)
POSTRIDER_HISTORY_HOURS = env.int("POSTRIDER_HISTORY_HOURS", default=24)
POSTRIDER_ALLOWED_NETWORKS = env.list("POSTRIDER_ALLOWED_NETWORKS", default=[])
for _network in POSTRIDER_ALLOWED_NETWORKS:
    try:
        ip_network(_network)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"POSTRIDER_ALLOWED_NETWORKS: {error}. Write it as 10.1.0.0/16."
        ) from error
POSTRIDER_ALLOWED_PORTS = env.list("POSTRIDER_ALLOWED_PORTS", cast=int, default=[80, 443, 8080, 8443])
POSTRIDER_TRANSPORT = env.str("POSTRIDER_TRANSPORT", default="pycurl")
if POSTRIDER_TRANSPORT not in ("pycurl", "requests"):
    raise ImproperlyConfigured("POSTRIDER_TRANSPORT must be pycurl or requests.")
POSTRIDER_CONNECTIONS = env.int("POSTRIDER_CONNECTIONS", default=8000)
POSTRIDER_HOST_CONNECTIONS = env.int("POSTRIDER_HOST_CONNECTIONS", default=64)
POSTRIDER_SEND_THREADS = env.int("POSTRIDER_SEND_THREADS", default=32)
POSTRIDER_CONNECT_SECONDS = env.float("POSTRIDER_CONNECT_SECONDS", default=5)
POSTRIDER_LEASE_SECONDS = env.float("POSTRIDER_LEASE_SECONDS", default=60)
POSTRIDER_SECRET_OVERLAP_HOURS = env.float("POSTRIDER_SECRET_OVERLAP_HOURS", default=24)
POSTRIDER_KEEP_DAYS = env.int("POSTRIDER_KEEP_DAYS", default=90)
POSTRIDER_KEEP_PROOF_DAYS = env.int("POSTRIDER_KEEP_PROOF_DAYS", default=400)
if not 1 <= POSTRIDER_KEEP_DAYS <= POSTRIDER_KEEP_PROOF_DAYS:
    raise ImproperlyConfigured(
        "POSTRIDER_KEEP_DAYS must be at least 1, and POSTRIDER_KEEP_PROOF_DAYS not less than it."
    )
POSTRIDER_DEMO = env.bool("POSTRIDER_DEMO", default=False)

# --- the REST API ------------------------------------------------------------------------------------
POSTRIDER_API_REQUESTS_PER_MINUTE = env.int("POSTRIDER_API_REQUESTS_PER_MINUTE", default=3000)
if POSTRIDER_API_REQUESTS_PER_MINUTE < 1:
    raise ImproperlyConfigured("POSTRIDER_API_REQUESTS_PER_MINUTE must be at least 1.")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["customers.api.authentication.ApiAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["rest.throttles.PerUser"],
    "DEFAULT_PARSER_CLASSES": ["rest.bodies.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest.bodies.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest.bodies.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "rest.errors.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Postrider",
    "DESCRIPTION": "Contacts, orders and postbacks of an online store. docs/api.md begins at the beginning.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SORT_OPERATIONS": False,
    "POSTPROCESSING_HOOKS": ["rest.schema.finished"],
    "COMPONENT_SPLIT_REQUEST": False,
}

# --- for operators -----------------------------------------------------------------------------------
POSTRIDER_METRICS_TOKEN = env.str("POSTRIDER_METRICS_TOKEN", default="")
if PRODUCTION and 0 < len(POSTRIDER_METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("POSTRIDER_METRICS_TOKEN must have at least 20 characters in production.")
POSTRIDER_MOST_OVERDUE_SECONDS = env.float("POSTRIDER_MOST_OVERDUE_SECONDS", default=600)
POSTRIDER_LOG_FORMAT = env.str("POSTRIDER_LOG_FORMAT", default="json" if PRODUCTION else "line")
if POSTRIDER_LOG_FORMAT not in logs.FORMATTERS:
    raise ImproperlyConfigured("POSTRIDER_LOG_FORMAT must be line or json.")
LOGGING = logs.configuration(form=POSTRIDER_LOG_FORMAT, level=env.str("POSTRIDER_LOG_LEVEL", default="INFO"))
