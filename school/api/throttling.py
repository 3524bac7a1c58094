"""API_RATE: how many requests a user may send in a minute, counted across all processes and servers."""

from django.core.cache import caches
from rest_framework.throttling import UserRateThrottle


class UserThrottle(UserRateThrottle):
    cache = caches["throttle"]
