"""The shape of the code, checked: each rule is a function over source text, shown to fail on a sample."""
