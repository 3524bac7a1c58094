"""One record for each change of a user, a role or a token, written with it or not at all, whichever door it comes through."""

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

from accounts.models import Access, AccessChange

State = dict[str, Any]
# Of the sign-ins of a user, which are no changes of access, nothing is kept.
FIELDS: dict[type[Model], dict[str, str]] = {
    User: {
        name: name
        for name in (
            "username",
            "email",
            "first_name",
            "last_name",
            "is_active",
            "is_staff",
            "is_superuser",
            "password",
        )
    },
    Group: {"name": "name"},
    AuthToken: {"token": "token_key", "user": "user__username", "expiry": "expiry"},
}
KINDS = {User: Access.USER, Group: Access.ROLE, AuthToken: Access.TOKEN}
# All that is told of a password.
PASSWORD_NONE, PASSWORD_SET, PASSWORD_CHANGED = "none", "set", "new"
NAMES = {User: "username", Group: "name", AuthToken: "token"}


@dataclass(frozen=True)
class Relation:
    """What rows of `owner` have several of: `label` of each, found from the table between them by `key`."""

    owner: type[Model]
    key: str
    field: str
    label: Any


PERMISSION = Concat("permission__content_type__app_label", Value("."), "permission__codename")
RELATIONS: dict[type[Model], Relation] = {
    User.groups.through: Relation(User, "user", "roles", F("group__name")),
    User.user_permissions.through: Relation(User, "user", "permissions", PERMISSION),
    Group.permissions.through: Relation(Group, "group", "permissions", PERMISSION),
}


def connect_signals() -> None:
    for model in KINDS:
        # A signal is sent outside the transaction of the save that it tells of.
        model.save = transaction.atomic(savepoint=False)(model.save)
        pre_save.connect(_before_save, sender=model)
        post_save.connect(_after_save, sender=model)
        pre_delete.connect(_before_delete, sender=model)
    pre_delete.connect(_before_permission_goes, sender=Permission)
    for through in RELATIONS:
        m2m_changed.connect(_on_relation, sender=through)


def _before_save(
    sender: type[Model],
    instance: Any,
    *,
    raw: bool,
    update_fields: Iterable[str] | None,
    **_kwargs: Any,
) -> None:
    # A fixture brings the records along with the rows.
    instance._is_loaded = raw
    instance._is_watched = not raw and (update_fields is None or {*update_fields} != {"last_login"})
    if instance._is_watched:
        instance._state_before = _state(sender, instance.pk)


def _after_save(
    sender: type[Model], instance: Any, *, update_fields: Iterable[str] | None, **_kwargs: Any
) -> None:
    if not instance._is_watched:
        return
    before, after = instance._state_before, _state(sender, instance.pk)
    assert after is not None
    if before is None:
        _record(sender, after, None, _told(after))
        return
    changed = {name for name in after if after[name] != before[name]}
    if (
        changed == {"password"}
        and {*(update_fields or ())} == changed
        and instance._password is None
        and _is_outdated(before["password"])
    ):
        # At a sign-in Django stores the same password in a newer way.
        return
    if changed:
        _record(sender, before, _told(before, changed), _told(after, changed, PASSWORD_CHANGED))


def _before_delete(sender: type[Model], instance: Any, **_kwargs: Any) -> None:
    if isinstance(instance, Group):
        # Those who have the role lose it, which is told of each.
        instance.user_set.clear()
    if state := _state(sender, instance.pk):
        had = {
            relation.field: _labels(through, [instance.pk]).get(instance.pk, [])
            for through, relation in RELATIONS.items()
            if relation.owner is sender
        }
        _record(sender, state, _told(state) | had, None)


def _before_permission_goes(instance: Permission, **_kwargs: Any) -> None:
    instance.group_set.clear()
    instance.user_set.clear()


def _on_relation(
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
        owners = relation.owner._base_manager.filter(
            pk__in=_owners(sender, instance, pk_set) if reverse else [instance.pk]
        )
        # Locked, so that nobody else's change comes between what is read before and after.
        instance._names = dict(
            owners.order_by("pk")
            .select_for_update(no_key=True)
            .values_list("pk", NAMES[relation.owner])
        )
        instance._labels = _labels(sender, instance._names)
        return
    had, has = instance._labels, _labels(sender, instance._names)
    told = {
        name: (had.get(owner, []), has.get(owner, [])) for owner, name in instance._names.items()
    }
    AccessChange.objects.bulk_create(
        [
            AccessChange(
                kind=KINDS[relation.owner],
                name=name,
                before={relation.field: before},
                after={relation.field: after},
            )
            for name, (before, after) in told.items()
            if before != after
        ]
    )


def _owners(through: type[Model], instance: Model, pk_set: set[Any] | None) -> list[Any]:
    """The rows of which `instance` is one of several, or comes to be; None stands for all that there are."""
    if pk_set is not None:
        return list(pk_set)
    key = RELATIONS[through].key
    return list(
        through._base_manager.filter(**{str(instance._meta.model_name): instance}).values_list(
            key, flat=True
        )
    )


def _labels(through: type[Model], owners: Iterable[Any]) -> dict[Any, list[str]]:
    """What each of `owners` has, sorted; without those that have nothing."""
    key, found = RELATIONS[through].key, dict[Any, list[str]]()
    rows = through._base_manager.filter(**{f"{key}__in": list(owners)}).annotate(
        label=RELATIONS[through].label
    )
    for owner, label in rows.order_by("label").values_list(key, "label"):
        found.setdefault(owner, []).append(label)
    return found


def _state(model: type[Model], pk: Any) -> State | None:
    """What the database has of a row, locked so that it is so until the transaction ends."""
    if pk is None:
        return None
    row = (
        model._base_manager.select_for_update(no_key=True)
        .filter(pk=pk)
        .values_list(*FIELDS[model].values())
        .first()
    )
    return row and dict(zip(FIELDS[model], row, strict=True))


def _told(state: State, names: Iterable[str] | None = None, password: str = PASSWORD_SET) -> State:
    """What may be told of `state`, or of `names` of it: of a password nothing but whether there is one, called `password`."""
    told = {name: state[name] for name in (state if names is None else names)}
    if "password" in told:
        told["password"] = password if is_password_usable(state["password"]) else PASSWORD_NONE
    return told


def _is_outdated(encoded: str) -> bool:
    preferred = get_hasher()
    return identify_hasher(encoded).algorithm != preferred.algorithm or preferred.must_update(
        encoded
    )


def _record(model: type[Model], state: State, before: State | None, after: State | None) -> None:
    AccessChange.objects.create(
        kind=KINDS[model], name=state[NAMES[model]], before=before, after=after
    )
