"""Locations → a location → Settings → Postback Config → Add Postback."""

from postbacks.admin.config import PostbackConfigAdmin

__all__ = ["PostbackConfigAdmin"]
