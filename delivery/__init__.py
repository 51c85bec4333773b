"""The spine: record what happened, queue what follows from it, carry it, write down the outcome.

Knows no other app: what a delivery means is the business of its channel (`channels.py`).
"""
