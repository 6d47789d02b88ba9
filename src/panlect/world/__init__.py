"""The embedded world: names and facts of the Unicode CLDR in about a hundred languages."""
