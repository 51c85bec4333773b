"""What runs by itself: the tick of every minute, and the look at the tables after a commit."""


def after_commit() -> None:
    """Immediate subscribers, then the deliveries they queued."""
