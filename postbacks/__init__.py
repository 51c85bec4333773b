"""Postback configs: what happens to a resource of a location, posted at once to the address of a config."""
