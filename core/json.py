"""JSON as the API and the history write it."""

from typing import Any

import orjson


def dumps(data: Any) -> bytes:
    """Serialize `data` in UTF-8, with times in UTC. Types unknown to JSON become their text."""
    return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)
