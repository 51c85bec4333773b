"""What is sold, and what became of it. Rows of orders are written only by `orders.lifecycle`."""

from orders.models.catalog import Campaign, CampaignProduct, Gateway, Product
from orders.models.money import SettlementBatch, StoredPaymentMethod, Transaction
from orders.models.order import Order, OrderItem
from orders.models.purchase import Fulfillment, Subscription

__all__ = [
    "Campaign",
    "CampaignProduct",
    "Fulfillment",
    "Gateway",
    "Order",
    "OrderItem",
    "Product",
    "SettlementBatch",
    "StoredPaymentMethod",
    "Subscription",
    "Transaction",
]
