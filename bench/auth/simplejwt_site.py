"""What auth's refresh is measured against: simplejwt on Django, rotation and blacklist on."""

import os

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
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": []},
    SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework_simplejwt.views import TokenRefreshView  # noqa: E402

urlpatterns = [path("refresh", TokenRefreshView.as_view())]
application = get_wsgi_application()


def prepare(accounts: int) -> None:
    """Tables, users, and a refresh token for each of the first; printed one a line."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from rest_framework_simplejwt.tokens import RefreshToken

    call_command("migrate", verbosity=0)
    User.objects.bulk_create(
        (User(username=f"user{number}", password="!") for number in range(accounts)), batch_size=5000
    )
    for user in User.objects.order_by("id")[:64]:
        print(RefreshToken.for_user(user), flush=True)


if __name__ == "__main__":
    prepare(int(os.environ["BENCH_ACCOUNTS"]))
