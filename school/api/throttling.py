"""The limit of requests a minute for one user (the setting API_RATE), shared by all processes."""

from django.core.cache import caches
from rest_framework.throttling import UserRateThrottle


class UserThrottle(UserRateThrottle):
    cache = caches["throttle"]
