"""simplejwt on Django as production has it: tokens rotate, used ones are blacklisted, connections are kept.

`python simplejwt_site.py prepare` fills the tables and prints what the clients begin with, as JSON.
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
        "rest_framework",
        "rest_framework_simplejwt.token_blacklist",
    ],
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
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    },
    SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView, TokenVerifyView  # noqa: E402

urlpatterns = [
    path("token", TokenObtainPairView.as_view()),
    path("refresh", TokenRefreshView.as_view()),
    path("verify", TokenVerifyView.as_view()),
]
PASSWORD = "plum-harbour-93-kettle"
application = get_wsgi_application()

USERS = """
    INSERT INTO auth_user (username, password, email, first_name, last_name, is_active, is_staff,
                           is_superuser, date_joined)
    SELECT 'user' || n, %s, 'user' || n || '@example.org', '', '', true, false, false, now()
    FROM generate_series(1, %s) AS n
"""
TOKENS = """
    INSERT INTO token_blacklist_outstandingtoken (user_id, jti, token, created_at, expires_at)
    SELECT id, md5(id::text), repeat('x', 300), now(), now() + interval '1 day' FROM auth_user
"""


def prepare(accounts: int, clients: int) -> None:
    """Users with a token each, and the refresh tokens and access tokens of the first."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from rest_framework_simplejwt.tokens import RefreshToken

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(USERS, [make_password(PASSWORD), accounts])
        cursor.execute(TOKENS)
        cursor.execute("ANALYZE")
    users = User.objects.order_by("id")[:clients]
    # For every token that is verified it is looked up whether it is on the blacklist.
    names = ("refresh", "verify")
    states: dict[str, object] = {name: [str(RefreshToken.for_user(user)) for user in users] for name in names}
    print(json.dumps(states | {"sign in": [[number, clients] for number in range(1, clients + 1)]}))


if __name__ == "__main__" and sys.argv[1:] == ["prepare"]:
    prepare(int(os.environ["BENCH_ACCOUNTS"]), int(os.environ["BENCH_CLIENTS"]))
