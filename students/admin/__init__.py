"""The admin of students and enrollments. Django imports it to register the model admins."""

from students.admin import options

__all__ = ["options"]
