"""Which of several answers is better: agreement among samples, agreement with the pivot language, a judge.

Every rater takes samples and gives preference pairs; none of them samples, and models are passed in.
"""
