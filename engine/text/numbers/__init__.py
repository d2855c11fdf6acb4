"""English numbers in figures: inverse text normalisation by a grammar of our own, while words are still coming in."""
