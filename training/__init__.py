"""How the weights of the built-in segmenter are made; see README.md."""
