"""Proofs of orders: every move of the lifecycle, and the doors that lead to it."""
