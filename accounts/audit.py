"""Records changes of users, roles and tokens as AccessChange, in the transaction of the change.

Signals of Django trigger the records, so that they are written whichever code makes the change.
Bulk updates (`QuerySet.update`, `bulk_create`) send no signals and are not recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.hashers import get_hasher, identify_hasher, is_password_usable
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import F, Model, Value
from django.db.models.functions import Concat
from django.db.models.signals import m2m_changed, post_save, pre_delete, pre_save
from knox.models import AuthToken

from accounts.models import Access, AccessChange, TokenDetails
from accounts.sessions import end_sessions, revoke_tokens

State = dict[str, Any]
# The recorded fields of each model: the name in the record, and the field or lookup.
# `last_login` is missing on purpose: a sign-in is no change of access.
FIELDS: dict[type[Model], dict[str, str]] = {
    User: {
        "username": "username",
        "email": "email",
        "first_name": "first_name",
        "last_name": "last_name",
        "is_active": "is_active",
        "is_staff": "is_staff",
        "is_superuser": "is_superuser",
        "password": "password",
    },
    Group: {"name": "name"},
    AuthToken: {"token": "token_key", "user": "user__username", "expiry": "expiry"},
}
KINDS = {User: Access.USER, Group: Access.ROLE, AuthToken: Access.TOKEN}
NAME_FIELDS = {User: "username", Group: "name", AuthToken: "token"}
# The value that is recorded in place of a password: no usable one, one, or another one than before.
PASSWORD_NONE, PASSWORD_SET, PASSWORD_CHANGED = "none", "set", "new"


@dataclass(frozen=True)
class Relation:
    """A many-to-many relation that is recorded as a change of `owner`.

    `owner_field` is the foreign key to the owner in the table between, `name` the name in the
    record, `label` the expression for the text that is recorded of each related row.
    """

    owner: type[Model]
    owner_field: str
    name: str
    label: Any


PERMISSION = Concat("permission__content_type__app_label", Value("."), "permission__codename")
RELATIONS: dict[type[Model], Relation] = {
    User.groups.through: Relation(User, "user", "roles", F("group__name")),
    User.user_permissions.through: Relation(User, "user", "permissions", PERMISSION),
    Group.permissions.through: Relation(Group, "group", "permissions", PERMISSION),
}


def connect_signals() -> None:
    for model in KINDS:
        make_save_atomic(model)
        pre_save.connect(_before_save, sender=model)
        post_save.connect(_after_save, sender=model)
        pre_delete.connect(_before_delete, sender=model)
    post_save.connect(_after_token_details, sender=TokenDetails)
    pre_delete.connect(_before_permission_delete, sender=Permission)
    for through in RELATIONS:
        m2m_changed.connect(_on_relation_change, sender=through)


def make_save_atomic(model: type[Model]) -> None:
    """Wrap the method `save` of a model of another app in a transaction.

    Django sends pre_save and post_save outside the transaction of the save. Without this, outside
    a request the row could be saved and its record fail. A signal cannot do it: no signal is sent
    when a save fails, so a transaction that pre_save opens would stay open. A model of our own
    would override `save`, but Django's commands and admin use these models.
    """
    model.save = transaction.atomic(savepoint=False)(model.save)  # type: ignore[method-assign]


def _before_save(
    sender: type[Model],
    instance: Any,
    *,
    raw: bool,
    update_fields: Iterable[str] | None,
    **_kwargs: Any,
) -> None:
    # A fixture contains the records as well as the rows.
    instance._is_loaded = raw
    is_sign_in = update_fields is not None and {*update_fields} == {"last_login"}
    instance._is_audited = not raw and not is_sign_in
    if instance._is_audited:
        instance._state_before = _read_state(sender, instance.pk)


def _after_save(
    sender: type[Model], instance: Any, *, update_fields: Iterable[str] | None, **_kwargs: Any
) -> None:
    if not instance._is_audited:
        return
    before, after = instance._state_before, _read_state(sender, instance.pk)
    assert after is not None
    if before is None:
        _record(sender, after, None, _without_password(after))
        return
    changed = {name for name in after if after[name] != before[name]}
    is_rehash = (
        changed == {"password"}
        and {*(update_fields or ())} == {"password"}
        and instance._password is None
        and _is_outdated(before["password"])
    )
    # At a sign-in Django stores the same password again if its hash is outdated.
    if changed and not is_rehash:
        if sender is User:
            _end_access(instance, changed)
        old = {name: before[name] for name in before if name in changed}
        new = {name: after[name] for name in after if name in changed}
        _record(sender, before, _without_password(old), _without_password(new, PASSWORD_CHANGED))


def _end_access(user: User, changed: set[str]) -> None:
    """Sign a user out everywhere after a new password, and revoke the tokens of an inactive one.

    The rows are deleted, so that neither works again when the user becomes active again.
    """
    if "password" in changed or not user.is_active:
        end_sessions(user.pk)
    if not user.is_active:
        revoke_tokens(user.pk)


def _before_delete(sender: type[Model], instance: Any, **_kwargs: Any) -> None:
    if isinstance(instance, Group):
        # Records that each member loses the role.
        instance.user_set.clear()
    if state := _read_state(sender, instance.pk):
        before = _without_password(state)
        for through, relation in RELATIONS.items():
            if relation.owner is sender:
                before[relation.name] = _read_labels(through, [instance.pk]).get(instance.pk, [])
        _record(sender, state, before, None)


def _before_permission_delete(instance: Permission, **_kwargs: Any) -> None:
    # Records that each role and user loses the permission.
    instance.group_set.clear()
    instance.user_set.clear()


def _after_token_details(instance: TokenDetails, *, created: bool, raw: bool, **_kw: Any) -> None:
    """Record the name and the access of a new token. A second record beside that of the token."""
    if created and not raw and (instance.name or instance.is_read_only):
        AccessChange.objects.create(
            kind=Access.TOKEN,
            name=instance.token.token_key,
            before={"name": "", "access": "full"},
            after={"name": instance.name, "access": "read" if instance.is_read_only else "full"},
        )


def _on_relation_change(
    sender: type[Model],
    instance: Any,
    *,
    action: str,
    reverse: bool,
    pk_set: set[Any] | None,
    **_kwargs: Any,
) -> None:
    if getattr(instance, "_is_loaded", False):
        return
    relation = RELATIONS[sender]
    if action.startswith("pre_"):
        owner_ids = _owner_ids(sender, instance, pk_set) if reverse else [instance.pk]
        owners = relation.owner._base_manager.filter(pk__in=owner_ids).order_by("pk")
        # Locked, so that no other transaction changes the relation between the two reads.
        locked = owners.select_for_update(no_key=True)
        instance._owner_names = dict(locked.values_list("pk", NAME_FIELDS[relation.owner]))
        instance._labels_before = _read_labels(sender, instance._owner_names)
        return
    labels_before = instance._labels_before
    labels_after = _read_labels(sender, instance._owner_names)
    changes = []
    for owner_id, name in instance._owner_names.items():
        before, after = labels_before.get(owner_id, []), labels_after.get(owner_id, [])
        if before != after:
            changes.append(
                AccessChange(
                    kind=KINDS[relation.owner],
                    name=name,
                    before={relation.name: before},
                    after={relation.name: after},
                )
            )
    AccessChange.objects.bulk_create(changes)


def _owner_ids(through: type[Model], instance: Model, pk_set: set[Any] | None) -> list[Any]:
    """Return the ids of the owners in a change from the other side of the relation.

    `pk_set` is that of m2m_changed: None means all owners that are related to `instance`.
    """
    if pk_set is not None:
        return list(pk_set)
    related = through._base_manager.filter(**{str(instance._meta.model_name): instance})
    return list(related.values_list(RELATIONS[through].owner_field, flat=True))


def _read_labels(through: type[Model], owner_ids: Iterable[Any]) -> dict[Any, list[str]]:
    """Return the sorted labels of the related rows of each owner that has any."""
    relation = RELATIONS[through]
    rows = through._base_manager.filter(**{f"{relation.owner_field}__in": list(owner_ids)})
    rows = rows.annotate(label=relation.label).order_by("label")
    labels: dict[Any, list[str]] = {}
    for owner_id, label in rows.values_list(relation.owner_field, "label"):
        labels.setdefault(owner_id, []).append(label)
    return labels


def _read_state(model: type[Model], pk: Any) -> State | None:
    """Return the recorded fields of a row, locked until the transaction ends; None if missing."""
    if pk is None:
        return None
    locked = model._base_manager.select_for_update(no_key=True).filter(pk=pk)
    row = locked.values_list(*FIELDS[model].values()).first()
    return row and dict(zip(FIELDS[model], row, strict=True))


def _without_password(state: State, label: str = PASSWORD_SET) -> State:
    """Return a copy of `state` with `label`, or PASSWORD_NONE, in place of the password's hash."""
    if "password" not in state:
        return dict(state)
    return {**state, "password": label if is_password_usable(state["password"]) else PASSWORD_NONE}


def _is_outdated(encoded: str) -> bool:
    """Return whether Django would hash this password again at the next sign-in."""
    preferred = get_hasher()
    is_other_algorithm = identify_hasher(encoded).algorithm != preferred.algorithm
    return is_other_algorithm or preferred.must_update(encoded)


def _record(model: type[Model], state: State, before: State | None, after: State | None) -> None:
    AccessChange.objects.create(
        kind=KINDS[model], name=state[NAME_FIELDS[model]], before=before, after=after
    )
