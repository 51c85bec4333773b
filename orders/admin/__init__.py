"""Orders in the admin: only read, and changed by the moves that are allowed now; and what orders refer to."""

from orders.admin.catalog import CampaignAdmin, GatewayAdmin, ProductAdmin
from orders.admin.order import OrderAdmin
from orders.admin.payments import SettlementBatchAdmin, StoredPaymentMethodAdmin

__all__ = [
    "CampaignAdmin",
    "GatewayAdmin",
    "OrderAdmin",
    "ProductAdmin",
    "SettlementBatchAdmin",
    "StoredPaymentMethodAdmin",
]
