"""Word boosting: a list of phrases becomes a score function that every decoder can follow while it searches."""
