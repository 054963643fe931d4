"""JSON merge patch (RFC 7396), pure."""

from typing import Any

import orjson

LARGEST_BYTES = 16_384
DEEPEST_LEVEL = 5


def merged(target: Any, patch: Any) -> Any:
    """``target`` with ``patch`` applied: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def is_within_bounds(value: dict[str, Any]) -> bool:
    """Whether ``value`` is small and flat enough to be stored with a profile."""
    return _depth(value) <= DEEPEST_LEVEL and len(orjson.dumps(value)) <= LARGEST_BYTES


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
