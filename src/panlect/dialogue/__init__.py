"""Dialogues to learn from: read from the formats they are published in, or made from other tables.

One file per way of making them. Every maker takes tables and its own settings and gives rows (`rows.row`)
and what it had to leave out, with the reason; none of them touches files, models or the network itself.
"""
