"""All URLs."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from accounts.pages.account import (
    AccountView,
    OtherSessionsEndView,
    PasswordView,
    SessionEndView,
)
from accounts.pages.confirm import ConfirmView
from accounts.pages.reset import ResetConfirmView, ResetRequestView, ResetSentView
from accounts.pages.second_factor import (
    AppImageView,
    AppRemoveView,
    AppView,
    CodesView,
    PasskeyRemoveView,
    PasskeyView,
    SecondFactorView,
)
from accounts.pages.tokens import TokenListView, TokenRevokeView
from courses.views import (
    CourseCreateView,
    CourseListView,
    TeacherCreateView,
    TeacherEditView,
    TeacherListView,
    TeacherView,
    TermCreateView,
    TermEditView,
    TermListView,
)
from courses.viewsets import CourseTeachersViewSet, CourseViewSet, TeacherViewSet, TermViewSet
from school.api.problems import ProblemView, UnknownPathView
from school.dashboard.views import DashboardView
from school.health import healthz, readyz
from school.sign_in import LoginSecondFactorView, LoginView, switch_language
from school.single_sign_on import SingleSignOnCallbackView, SingleSignOnView
from students.api.credit_limits import CreditLimitViewSet
from students.api.viewsets import (
    EnrollmentViewSet,
    RosterViewSet,
    StudentByNumberViewSet,
    StudentCoursesViewSet,
    StudentViewSet,
)
from students.pages.association import CourseStudentsView, StudentCoursesView
from students.pages.courses import CourseEditView
from students.pages.credit_limits import (
    CreditLimitCreateView,
    CreditLimitEditView,
    CreditLimitListView,
    CreditLimitRemoveView,
)
from students.pages.prerequisite_review import PrerequisiteReviewView, PrerequisiteWithdrawView
from students.pages.rosters import CourseView, RosterCsvView, RosterPrintView
from students.pages.students import StudentCreateView, StudentEditView, StudentListView, StudentView
from students.pages.undo import UndoView
from students.pages.withdrawals import RosterWithdrawView, WithdrawView

api = SimpleRouter(trailing_slash=False, use_regex_path=False)
api.register("students", StudentViewSet)
api.register("courses", CourseViewSet)
api.register("terms", TermViewSet)
api.register("teachers", TeacherViewSet)
api.register("enrollments", EnrollmentViewSet)

nested: list[URLPattern | URLResolver] = [
    path("students/by-number/<path:number>", StudentByNumberViewSet.as_view({"put": "upsert"})),
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
    path("students/<int:student_id>/credit-limits", CreditLimitViewSet.as_view({"get": "list"})),
    path(
        "students/<int:student_id>/credit-limits/<str:term>",
        CreditLimitViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(
        "courses/<int:course_id>/students", RosterViewSet.as_view({"get": "list", "post": "create"})
    ),
    path(
        "courses/<int:course_id>/teachers",
        CourseTeachersViewSet.as_view({"get": "retrieve", "put": "update"}),
    ),
    path("problems/<slug:code>", ProblemView.as_view(), name="problem"),
]

pages: list[URLPattern | URLResolver] = [
    path("", DashboardView.as_view(), name="desk"),
    path("students/", StudentListView.as_view(), name="student_list"),
    path("students/new/", StudentCreateView.as_view(), name="student_new"),
    path("students/<int:pk>/", StudentView.as_view(), name="student"),
    path("students/<int:pk>/edit/", StudentEditView.as_view(), name="student_edit"),
    path("students/<int:pk>/courses/", StudentCoursesView.as_view(), name="student_courses"),
    path(
        "students/<int:pk>/courses/<int:course_id>/withdraw/",
        WithdrawView.as_view(),
        name="student_withdraw",
    ),
    path(
        "students/<int:student_id>/credit-limits/",
        CreditLimitListView.as_view(),
        name="credit_limits",
    ),
    path(
        "students/<int:student_id>/credit-limits/new/",
        CreditLimitCreateView.as_view(),
        name="credit_limit_new",
    ),
    path(
        "students/<int:student_id>/credit-limits/<int:pk>/edit/",
        CreditLimitEditView.as_view(),
        name="credit_limit_edit",
    ),
    path(
        "students/<int:student_id>/credit-limits/<int:pk>/remove/",
        CreditLimitRemoveView.as_view(),
        name="credit_limit_remove",
    ),
    path("undo/", UndoView.as_view(), name="undo"),
    path("courses/", CourseListView.as_view(), name="course_list"),
    path("courses/new/", CourseCreateView.as_view(), name="course_new"),
    path("courses/<int:pk>/", CourseView.as_view(), name="course"),
    path("courses/<int:pk>/edit/", CourseEditView.as_view(), name="course_edit"),
    path("courses/<int:pk>/students/", CourseStudentsView.as_view(), name="course_students"),
    path("courses/<int:pk>/withdraw/", RosterWithdrawView.as_view(), name="roster_withdraw"),
    path("courses/<int:pk>/sheet/", RosterPrintView.as_view(), name="roster_sheet"),
    path("courses/<int:pk>/roster.csv", RosterCsvView.as_view(), name="course_roster"),
    path("teachers/", TeacherListView.as_view(), name="teacher_list"),
    path("teachers/new/", TeacherCreateView.as_view(), name="teacher_new"),
    path("teachers/<int:pk>/", TeacherView.as_view(), name="teacher"),
    path("teachers/<int:pk>/edit/", TeacherEditView.as_view(), name="teacher_edit"),
    path("terms/", TermListView.as_view(), name="term_list"),
    path("terms/new/", TermCreateView.as_view(), name="term_new"),
    path("terms/<str:code>/edit/", TermEditView.as_view(), name="term_edit"),
    path(
        "terms/<str:code>/prerequisites/",
        PrerequisiteReviewView.as_view(),
        name="prerequisite_review",
    ),
    path(
        "terms/<str:code>/prerequisites/withdraw/",
        PrerequisiteWithdrawView.as_view(),
        name="prerequisite_withdraw",
    ),
    path("tokens/", TokenListView.as_view(), name="tokens"),
    path("tokens/<slug:key>/revoke/", TokenRevokeView.as_view(), name="token_revoke"),
    path("account/", AccountView.as_view(), name="account"),
    path("account/password/", PasswordView.as_view(), name="password"),
    path("account/confirm/", ConfirmView.as_view(), name="confirm"),
    path("account/second-factor/", SecondFactorView.as_view(), name="second_factor"),
    path("account/second-factor/app/", AppView.as_view(), name="second_factor_app"),
    path("account/second-factor/app/qr.svg", AppImageView.as_view(), name="second_factor_image"),
    path(
        "account/second-factor/app/remove/",
        AppRemoveView.as_view(),
        name="second_factor_app_remove",
    ),
    path("account/second-factor/passkey/", PasskeyView.as_view(), name="second_factor_passkey"),
    path(
        "account/second-factor/passkeys/<int:pk>/remove/",
        PasskeyRemoveView.as_view(),
        name="second_factor_passkey_remove",
    ),
    path("account/second-factor/codes/", CodesView.as_view(), name="second_factor_codes"),
    path("account/sessions/end/", OtherSessionsEndView.as_view(), name="sessions_end"),
    path("account/sessions/<slug:public_id>/end/", SessionEndView.as_view(), name="session_end"),
    path("account/reset/", ResetRequestView.as_view(), name="reset"),
    path("account/reset/sent/", ResetSentView.as_view(), name="reset_sent"),
    path("account/reset/<uidb64>/<token>/", ResetConfirmView.as_view(), name="reset_confirm"),
    path("login/", LoginView.as_view(), name="login"),
    path("login/second-factor/", LoginSecondFactorView.as_view(), name="login_second_factor"),
    path("login/sso/", SingleSignOnView.as_view(), name="single_sign_on"),
    path("login/sso/callback/", SingleSignOnCallbackView.as_view(), name="single_sign_on_callback"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", switch_language, name="set_language"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include([*nested, *api.urls])),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    re_path(r"^api/", UnknownPathView.as_view()),
    path("healthz", healthz),
    # For the scripts of the pages: proxies may keep the health checks to themselves.
    path("alive", healthz, name="alive"),
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

handler400 = "school.error_pages.bad_request"
handler403 = "school.error_pages.permission_denied"
handler404 = "school.error_pages.page_not_found"
handler500 = "school.error_pages.server_error"
