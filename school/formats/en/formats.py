"""How English pages write dates and times: as ISO 8601 does, which nobody reads as another day. Other languages have Django's formats."""

SHORT_DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i"
