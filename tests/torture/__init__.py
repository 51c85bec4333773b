"""`make torture`: workers, receiver and database are killed at random, and then the books must balance."""
