"""The proofs: a folder per app, one for the promises (journeys), one for the shape of the code."""
