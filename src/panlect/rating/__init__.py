"""Which of several answers is better: by other samples, the pivot language, a judge, a reward, or the truth.

Every rater takes samples and gives preference pairs; none of them samples, and models are passed in.
"""
