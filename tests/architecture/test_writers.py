"""Rows of customers, orders and events have one writer each."""

import ast

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import ForeignKey, Model
from django.test import RequestFactory

from audit.models import Change
from customers.models import Customer
from delivery.models import Event
from orders.models import (
    Fulfillment,
    Order,
    OrderItem,
    SettlementBatch,
    StoredPaymentMethod,
    Subscription,
    Transaction,
)
from tests.architecture.source import product
from tests.architecture.writing import Owned, faults

WRITERS: dict[str, tuple[type[Model], ...]] = {
    "customers/services": (Customer,),
    "orders/lifecycle": (
        *(Order, OrderItem, Transaction, Subscription, Fulfillment),
        *(StoredPaymentMethod, SettlementBatch),
    ),
    "delivery/events": (Event,),
    "audit/changes": (Change,),
}


def owned_by(models: tuple[type[Model], ...]) -> Owned:
    """With the relations that lead from any row to theirs."""
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    forward = {
        field.name for field in fields if isinstance(field, ForeignKey) and field.related_model in models
    }
    back = {
        str(relation.get_accessor_name())
        for model in models
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey) and (relation := field.remote_field) and not relation.hidden
    }
    names = frozenset(model.__name__ for model in models)
    return Owned(names, frozenset(forward | back), frozenset(model._meta.db_table for model in models))


@pytest.mark.parametrize("writer", WRITERS)
def test_rows_have_one_writer(writer: str) -> None:
    owned = owned_by(WRITERS[writer])
    may = (f"{writer}/", f"{writer}.py")
    others = [module for module in product() if not module.path.startswith(may)]
    assert not {module.path: found for module in others if (found := list(faults(module.tree, owned)))}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_writer_is_where_the_rule_says(writer: str) -> None:
    assert [module for module in product() if module.path.startswith((f"{writer}/", f"{writer}.py"))]


@pytest.mark.parametrize(
    "sample",
    [
        "Order.objects.create(total=1)",
        "models.Order.objects.filter(pk=1).update(total=1)",
        "Order.objects.bulk_create([Order()])",
        "Order.objects.filter(pk=1).exclude(pk=2).delete()",
        "customer.orders.create(total=1)",
        "order.items.all().delete()",
        "order = Order(total=1)\norder.save()",
        "def f(order: Order) -> None:\n    order.save(update_fields=['total'])",
        "def f(order: 'Order | None') -> None:\n    order.delete()",
        "for one in Order.objects.all():\n    one.save()",
        "found = Order.objects.first()\nfound.save()",
        "item.order.save()",
        "sets.create([Order(total=1)])",
        "rows = [Order() for _ in range(3)]\nsets.save(rows)",
        "sets.append('orders_order', ['total'], [[1]])",
        "cursor.execute('UPDATE orders_order SET total = 0')",
        'cursor.execute(f"DELETE FROM orders_orderitem WHERE id = {pk}")',
    ],
)
def test_the_rule_sees(sample: str) -> None:
    assert list(faults(ast.parse(sample), owned_by(WRITERS["orders/lifecycle"])))


@pytest.mark.parametrize(
    "sample",
    [
        "Order.objects.filter(pk=1).values('total')",
        "order.items.select_related('product')",
        "lifecycle.refund(order, by='api')",
        "kept = {}\nkept.update({1: order})",
        "def f(order: Order, profile: Profile) -> None:\n    profile.save()",
        "cursor.execute('SELECT total FROM orders_order')",
        "Campaign.objects.create(name='Lander')",
    ],
)
def test_the_rule_lets_be(sample: str) -> None:
    assert not list(faults(ast.parse(sample), owned_by(WRITERS["orders/lifecycle"])))


@pytest.mark.parametrize("model", [model for models in WRITERS.values() for model in models])
def test_the_admin_writes_through_the_writer_or_not_at_all(model: type[Model]) -> None:
    """Django's own admin would save and delete rows itself, unseen by a rule over our source."""
    pages = admin.site._registry.get(model)
    if pages is None:
        return
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True)
    may_save = pages.has_add_permission(request) or pages.has_change_permission(request)
    own = {name for cls in type(pages).__mro__[:-1] if cls is not admin.ModelAdmin for name in vars(cls)}
    assert not may_save or "save_model" in own
    assert not pages.has_delete_permission(request) or {"delete_model", "delete_queryset"} <= own
    for inline in pages.get_inline_instances(request):
        if inline.model in [model for models in WRITERS.values() for model in models]:
            assert not inline.has_add_permission(request, None)
            assert not inline.has_change_permission(request)
            assert not (inline.can_delete and inline.has_delete_permission(request))
