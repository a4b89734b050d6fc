"""What the report needs of a study file and training does not, to be asked for before it trains.

A training that has begun does not end over any of it.
"""

from cnn_study.report import authored_text
from cnn_study.study import published_numbers

CHECKS = (authored_text.faults_of, published_numbers.faults_of)
"""Texts, citations and published numbers: further checks for `merge.load`."""
