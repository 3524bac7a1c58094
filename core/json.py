"""How JSON is written, wherever it is: in UTF-8, times in UTC."""

from typing import Any

import orjson


def dumps(data: Any) -> bytes:
    return orjson.dumps(data, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)
