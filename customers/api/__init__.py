"""`/v2/contacts`, `/v2/locations`, `/v2/token`, and who may call."""
