"""The enrollment side of Django's admin. Django imports this package to find what is registered."""

from students.admin import options

__all__ = ["options"]
