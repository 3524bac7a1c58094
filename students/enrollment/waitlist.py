"""The waitlists of courses, in the order of their `waitlist_number`."""

from __future__ import annotations

from collections.abc import Set

from students.enrollment.snapshot import Snapshot
from students.models import Enrollment, Status


class Waitlists:
    """The waitlists of a snapshot's courses, by course id, each read when it is needed.

    A list keeps the rows that have left it since: check the status of each.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.rows: dict[int, list[Enrollment]] = {}

    def read(self, course_ids: Set[int]) -> None:
        """Read the waitlists of these courses, in one query, unless they are read already."""
        new = course_ids - self.rows.keys()
        if not new:
            return
        for course_id in new:
            self.rows[course_id] = []
        found = (
            Enrollment.objects.filter(course__in=new, status=Status.WAITLISTED)
            .select_related("student")
            .order_by("waitlist_number", "pk")
        )
        students = set()
        # Already in order, but for rows without a number.
        for row in sorted(found, key=lambda row: (row.place_number, row.pk)):
            # A row that the snapshot already has may have been changed by a decision.
            known = self.snapshot.enrollments.setdefault((row.student_id, row.course_id), row)
            self.rows[row.course_id].append(known)
            students.add(row.student_id)
        self.snapshot.read_other_courses(students, [self.snapshot.courses[pk] for pk in new])

    def append(self, row: Enrollment) -> None:
        """Put `row` at the end of its course's waitlist, which has been read."""
        rows = self.rows[row.course_id]
        rows[:] = [other for other in rows if other is not row]
        # Numbers of those who left since count as well: they may come back by an undone write.
        row.waitlist_number = max((other.place_number for other in rows), default=0) + 1
        rows.append(row)

    def set_positions(self, course_ids: Set[int]) -> None:
        """Set `position`, counted from 1, on all who wait for these courses."""
        self.read(course_ids)
        for course_id in course_ids:
            waiting = [row for row in self.rows[course_id] if row.status == Status.WAITLISTED]
            for position, row in enumerate(waiting, 1):
                row.position = position
