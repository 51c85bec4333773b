"""`/v2/deliveries`: what went out for a location, and what came of it."""
