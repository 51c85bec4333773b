"""Whether an import of the whole real data agrees with its files, counted without its code."""
