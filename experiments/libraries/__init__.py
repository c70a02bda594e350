"""Real libraries under galeed-cc: what rewriting costs them."""
