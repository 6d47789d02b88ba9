"""Mixtures: how much of which language (`shares`, `plan`), and in which order (`schedule`).

Pure arithmetic on sizes: no text is read here.
"""
