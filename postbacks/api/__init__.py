"""`/v2/postbackconfigs`."""
