"""Campaigns, products, orders and what belongs to them; `lifecycle` is the only door for changes."""
