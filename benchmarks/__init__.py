"""What the figures of README and docs come from; each file is one command."""
