"""`/v2/orders/{id}/explain`: why, or why not, an order was exported."""
