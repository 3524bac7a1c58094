"""The whole map on one screen."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from accounts.views import TokenRevoke, Tokens
from courses.views import CourseEdit, CourseList, CourseNew, TermEdit, TermList, TermNew
from courses.viewsets import CourseViewSet, TermViewSet
from school.api.problems import NoSuchPath, ProblemView
from school.dashboard.views import Desk
from school.health import healthz, readyz
from students.api.viewsets import (
    EnrollmentViewSet,
    RosterViewSet,
    StudentCoursesViewSet,
    StudentViewSet,
)
from students.pages.association import CourseStudents, StudentCourses, Withdraw
from students.pages.rosters import CoursePage, RosterFile, RosterSheet, RosterWithdraw
from students.pages.students import StudentEdit, StudentList, StudentNew, StudentPage
from students.pages.undo import Undo

api = SimpleRouter(trailing_slash=False, use_regex_path=False)
api.register("students", StudentViewSet)
api.register("courses", CourseViewSet)
api.register("terms", TermViewSet)
api.register("enrollments", EnrollmentViewSet)

nested: list[URLPattern | URLResolver] = [
    path(
        "students/<int:student_id>/courses",
        StudentCoursesViewSet.as_view(
            {"get": "list", "post": "create", "patch": "partial_update", "put": "update"}
        ),
    ),
    path(
        "students/<int:student_id>/courses/<int:course_id>",
        StudentCoursesViewSet.as_view({"delete": "destroy"}),
    ),
    path(
        "courses/<int:course_id>/students", RosterViewSet.as_view({"get": "list", "post": "create"})
    ),
    path("problems/<slug:code>", ProblemView.as_view(), name="problem"),
]

pages: list[URLPattern | URLResolver] = [
    path("", Desk.as_view(), name="desk"),
    path("students/", StudentList.as_view(), name="student_list"),
    path("students/new/", StudentNew.as_view(), name="student_new"),
    path("students/<int:pk>/", StudentPage.as_view(), name="student"),
    path("students/<int:pk>/edit/", StudentEdit.as_view(), name="student_edit"),
    path("students/<int:pk>/courses/", StudentCourses.as_view(), name="student_courses"),
    path(
        "students/<int:pk>/courses/<int:course_id>/withdraw/",
        Withdraw.as_view(),
        name="student_withdraw",
    ),
    path("undo/", Undo.as_view(), name="undo"),
    path("courses/", CourseList.as_view(), name="course_list"),
    path("courses/new/", CourseNew.as_view(), name="course_new"),
    path("courses/<int:pk>/", CoursePage.as_view(), name="course"),
    path("courses/<int:pk>/edit/", CourseEdit.as_view(), name="course_edit"),
    path("courses/<int:pk>/students/", CourseStudents.as_view(), name="course_students"),
    path("courses/<int:pk>/withdraw/", RosterWithdraw.as_view(), name="roster_withdraw"),
    path("courses/<int:pk>/sheet/", RosterSheet.as_view(), name="roster_sheet"),
    path("courses/<int:pk>/roster.csv", RosterFile.as_view(), name="course_roster"),
    path("terms/", TermList.as_view(), name="term_list"),
    path("terms/new/", TermNew.as_view(), name="term_new"),
    path("terms/<str:code>/edit/", TermEdit.as_view(), name="term_edit"),
    path("tokens/", Tokens.as_view(), name="tokens"),
    path("tokens/<slug:key>/revoke/", TokenRevoke.as_view(), name="token_revoke"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include([*nested, *api.urls])),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    re_path(r"^api/", NoSuchPath.as_view()),
    path("healthz", healthz),
    path("readyz", readyz),
    path(
        "admin/students/accesschange/<path:rest>",
        RedirectView.as_view(url="/admin/accounts/accesschange/%(rest)s", query_string=True),
    ),
    path(
        "admin/students/accesschange/",
        RedirectView.as_view(
            pattern_name="admin:accounts_accesschange_changelist", query_string=True
        ),
    ),
    path("admin/", admin.site.urls),
    path("", include(pages)),
]

handler400 = "school.api.problems.bad_request"
handler403 = "school.api.problems.forbidden"
handler404 = "school.api.problems.missing"
handler500 = "school.api.problems.broken"
