"""The pipeline itself: what it is made from, which steps there are, and what each takes from which."""
