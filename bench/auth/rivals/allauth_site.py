"""django-allauth headless as production has it: JWT tokens that rotate, sessions in the database.

`python allauth_site.py prepare` fills the tables and prints what the clients begin with, as JSON.
"""

import json
import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-the-benchmark-0123456789-0123456789",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.headless",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["BENCH_DB_NAME"],
            "USER": os.environ["BENCH_DB_USER"],
            "PASSWORD": os.environ["BENCH_DB_PASSWORD"],
            "HOST": os.environ["BENCH_DB_HOST"],
            "PORT": os.environ["BENCH_DB_PORT"],
            "CONN_MAX_AGE": None,
        }
    },
    ACCOUNT_EMAIL_VERIFICATION="none",
    ACCOUNT_RATE_LIMITS=False,  # all come from one address
    HEADLESS_ONLY=True,
    HEADLESS_CLIENTS=("app",),
    HEADLESS_TOKEN_STRATEGY="allauth.headless.tokens.strategies.jwt.JWTTokenStrategy",
    HEADLESS_JWT_ALGORITHM="HS256",
    HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED=True,  # else an ended session's token would pass
    HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN=86_400,
)
django.setup()

# allauth imports it at its first sign-in, and answers 500 where two threads do so at once.
import cryptography.hazmat.primitives.ciphers  # noqa: E402, F401
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("_allauth/", include("allauth.headless.urls"))]
application = get_wsgi_application()

PASSWORD = "plum-harbour-93-kettle"
LOGIN = "/_allauth/app/v1/auth/login"
USERS = """
    INSERT INTO auth_user (username, password, email, first_name, last_name, is_active, is_staff,
                           is_superuser, date_joined)
    SELECT 'user' || n, %s, 'user' || n || '@example.org', '', '', true, false, false, now()
    FROM generate_series(1, %s) AS n
"""
ADDRESSES = """
    INSERT INTO account_emailaddress (user_id, email, verified, "primary")
    SELECT id, email, true, true FROM auth_user
"""
SESSIONS = """
    INSERT INTO django_session (session_key, session_data, expire_date)
    SELECT md5(id::text), repeat('x', 300), now() + interval '14 days' FROM auth_user
"""


def prepare(accounts: int, clients: int) -> None:
    """Users with a session each, and the refresh tokens and access tokens of the first."""
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(USERS, [make_password(PASSWORD), accounts])
        cursor.execute(ADDRESSES)
        cursor.execute(SESSIONS)
        cursor.execute("ANALYZE")
    tokens = []
    for number in range(1, clients + 1):
        body = {"username": f"user{number}", "password": PASSWORD}
        tokens.append(Client().post(LOGIN, body, content_type="application/json").json()["meta"])
    print(
        json.dumps(
            {
                "refresh": [each["refresh_token"] for each in tokens],
                "session": [each["access_token"] for each in tokens],
                "sign in": [[number, clients] for number in range(1, clients + 1)],
            }
        )
    )


if __name__ == "__main__" and sys.argv[1:] == ["prepare"]:
    prepare(int(os.environ["BENCH_ACCOUNTS"]), int(os.environ["BENCH_CLIENTS"]))
