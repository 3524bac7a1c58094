"""Template filters for the weekly meetings of courses."""

from django import template

from courses.meetings import format_hour, format_meeting, format_meetings

register = template.Library()
register.filter(format_hour)
register.filter(format_meeting)
register.filter(format_meetings)
