"""The engine of `curate`: files in, clean shards out, the same bytes for one worker and for many.

settings   what a user can set
inputs     files -> blocks -> tasks
work       the one function over a task's rows
pool       runs it over all tasks, in this process or in several, and again after a kill
merge      what needs all rows at once: alignment, duplicates, the held-out share, the tables
"""
