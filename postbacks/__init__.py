"""Postback configs (REST-configured postbacks on create, update, delete). Not built yet: room only."""
