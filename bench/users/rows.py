"""The same profiles for everybody who is measured, and the identity of their clients."""

import time
from typing import Any
from uuid import UUID

from shared.chassis.signing_keys import HS256
from shared.chassis.testing.tokens import access_token, signed

DJANGO_SECRET = "only-for-the-benchmark-0123456789-0123456789"
DAY = 86_400
COMMON_NAME = "Lovelace"  # of one in two hundred

# Both tables are called profiles and have these columns. An index is made faster of all rows at once.
FILL = """
DO $$
DECLARE made text[]; dropped text[]; command text;
BEGIN
    SET LOCAL maintenance_work_mem = '512MB';
    SELECT array_agg(indexdef), array_agg('DROP INDEX ' || quote_ident(indexname)) INTO made, dropped
    FROM pg_indexes
    WHERE tablename = 'profiles' AND NOT starts_with(indexdef, 'CREATE UNIQUE');
    FOREACH command IN ARRAY dropped LOOP EXECUTE command; END LOOP;
    INSERT INTO profiles (id, email, name, locale, timezone, is_active, roles, metadata, version,
                          created_at, updated_at)
    SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
        'user' || n || '@example' || mod(n, 50) || '.org',
        initcap((ARRAY['ada','grace','alan','edsger','barbara','donald','margaret','dennis'])[1 + mod(n, 8)])
            || ' ' || CASE WHEN mod(n, 200) = 0 THEN '{common}'
                           ELSE initcap(substr(md5('n' || n), 1, 8)) END,
        'en', 'UTC', true, '[]', '{{"theme": "dark", "plan": {{"name": "pro", "seats": 5}}}}', 1,
        now() - (n || ' minutes')::interval, now()
    FROM generate_series(1, {rows}) AS n;
    FOREACH command IN ARRAY made LOOP EXECUTE command; END LOOP;
END
$$
"""


def fill(rows: int) -> str:
    """The statement that makes so many profiles."""
    return FILL.format(rows=rows, common=COMMON_NAME)


def account_id(number: int) -> UUID:
    """The id of the account with that number, counted from 1."""
    return UUID(f"00000000-0000-7000-8000-{number:012x}")


def doorward_token(number: int, *, is_admin: bool = False) -> str:
    """What auth would issue to that account."""
    claims: dict[str, Any] = {"exp": int(time.time()) + DAY}
    return access_token(account_id(number), roles=("admin",) if is_admin else (), claims=claims)


def django_token(number: int, *, is_admin: bool = False) -> str:
    """What simplejwt would issue to that account."""
    now = int(time.time())
    content = {
        "token_type": "access",
        "exp": now + DAY,
        "iat": now,
        "jti": f"{number:032x}",
        "user_id": str(account_id(number)),
        "is_staff": is_admin,
    }
    return signed({"alg": HS256, "typ": "JWT"}, content, DJANGO_SECRET)
