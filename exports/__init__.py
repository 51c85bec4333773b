"""Export profiles: what happens to orders, carried to partners in the shape that staff configured."""
