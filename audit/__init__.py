"""The audit log: who changed what staff set up, when, what it was before and what it is now.

At the bottom of the layers: whoever writes such a thing says so by `audit.changes.record`, in the
transaction of the change itself.
"""
