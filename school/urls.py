"""The whole map on one screen."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from courses.viewsets import CourseViewSet, TermViewSet
from school.health import healthz, readyz
from school.problems import NoSuchPath, ProblemView
from students.viewsets import EnrollmentViewSet, RosterViewSet, StudentCoursesViewSet, StudentViewSet

api = SimpleRouter(trailing_slash=False, use_regex_path=False)
api.register("students", StudentViewSet)
api.register("courses", CourseViewSet)
api.register("terms", TermViewSet)
api.register("enrollments", EnrollmentViewSet)

nested: list[URLPattern | URLResolver] = [
    path(
        "students/<int:student_id>/courses",
        StudentCoursesViewSet.as_view({"get": "list", "post": "create", "patch": "partial_update", "put": "update"}),
    ),
    path("students/<int:student_id>/courses/<int:course_id>", StudentCoursesViewSet.as_view({"delete": "destroy"})),
    path("courses/<int:course_id>/students", RosterViewSet.as_view({"get": "list", "post": "create"})),
    path("problems/<slug:code>", ProblemView.as_view(), name="problem"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include([*nested, *api.urls])),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    re_path(r"^api/", NoSuchPath.as_view()),
    path("healthz", healthz),
    path("readyz", readyz),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]

handler400 = "school.problems.bad_request"
handler403 = "school.problems.forbidden"
handler404 = "school.problems.missing"
handler500 = "school.problems.broken"
