"""Profiles on Django REST framework as production has them: kept connections, JWT, Django's cache on Redis.

`python drf_site.py prepare` makes and fills the table. The peer knows what helps it: its cache holds rendered
members, a conditional request is answered from the version alone, its searches have trigram indexes.
"""

import os
import sys
from typing import Any

import django
from django.conf import settings

settings.configure(
    SECRET_KEY=os.environ["BENCH_SECRET"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    # Those of a new project that an API without sessions keeps (`check --deploy` asks for two of them).
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.postgres",
        "rest_framework",
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
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["BENCH_REDIS_URL"],
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
        ],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.contrib.postgres.indexes import GinIndex, OpClass  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.db.models.functions import Upper  # noqa: E402
from django.http import Http404  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils.cache import get_conditional_response  # noqa: E402
from rest_framework import filters, generics, pagination, permissions, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

CACHE_SECONDS = 300


class Profile(models.Model):
    """The columns that users has."""

    id = models.UUIDField(primary_key=True)
    email = models.TextField(unique=True)
    name = models.TextField(null=True)
    avatar_url = models.TextField(null=True)
    locale = models.TextField()
    timezone = models.TextField()
    is_active = models.BooleanField()
    roles = models.JSONField()
    metadata = models.JSONField()
    version = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "bench"
        db_table = "profiles"
        indexes = (
            models.Index(fields=["created_at"], name="profiles_created_at"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="profiles_name"),
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="profiles_email"),
        )


class ProfileSerializer(serializers.ModelSerializer):
    """What its owner sees."""

    class Meta:
        model = Profile
        exclude = ("version",)


class PublicSerializer(serializers.ModelSerializer):
    """What everybody sees."""

    class Meta:
        model = Profile
        fields = ("id", "name", "avatar_url")


class Me(APIView):
    """The caller's own profile."""

    def get(self, request: Any) -> Any:
        """Through the cache, with an ETag of the version."""
        version, shown = self.find(request.user.id)
        etag = f'"{version}"'
        response = (
            get_conditional_response(request, etag=etag) if "HTTP_IF_NONE_MATCH" in request.META else None
        )
        return response or Response(shown, headers={"ETag": etag})

    def find(self, account_id: Any) -> Any:
        """The version and the members."""
        key = f"profile:{account_id}"
        found = cache.get(key)
        if found is None:
            profile = Profile.objects.filter(pk=account_id).first()
            if profile is None:
                raise Http404
            found = profile.version, dict(ProfileSerializer(profile).data)
            cache.set(key, found, CACHE_SECONDS)
        return found


class Administrators(permissions.BasePermission):
    """By the claim of the token."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Whether the caller administrates."""
        return bool(request.user.token.get("is_staff"))


class Pages(pagination.CursorPagination):
    """By keyset, as users pages."""

    page_size = 50
    ordering = "-created_at"


class Profiles(generics.ListAPIView):
    """The administrators' list."""

    queryset = Profile.objects.all()
    permission_classes = (Administrators,)
    serializer_class = ProfileSerializer
    pagination_class = Pages
    filter_backends = (filters.SearchFilter,)
    search_fields = ("name", "email")


class Several(APIView):
    """Public members by ids."""

    def get(self, request: Any) -> Any:
        """Those of ``ids``."""
        ids = request.query_params["ids"].split(",")
        found = Profile.objects.filter(pk__in=ids).only("id", "name", "avatar_url")
        return Response({"items": PublicSerializer(found, many=True).data})


urlpatterns = [
    path("me", Me.as_view()),
    path("profiles", Profiles.as_view()),
    path("several", Several.as_view()),
]
application = get_wsgi_application()


def prepare(fill: str) -> None:
    """Make the table, and fill it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    with connection.schema_editor() as editor:
        editor.create_model(Profile)
    with connection.cursor() as cursor:
        cursor.execute(fill)
        cursor.execute("VACUUM ANALYZE profiles")


if __name__ == "__main__" and sys.argv[1:] == ["prepare"]:
    prepare(os.environ["BENCH_FILL"])
