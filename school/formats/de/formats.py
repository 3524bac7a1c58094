"""How German pages write dates: in numbers everywhere, also in the admin."""

DATE_FORMAT = "d.m.Y"
DATETIME_FORMAT = "d.m.Y H:i"
