"""The pictures of the documents: `make screens` makes them all anew, from a running product."""
