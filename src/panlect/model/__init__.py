"""Models: the only floor that imports torch and transformers (`settings` is free of both)."""
