"""Studies: tables of a paper, made on pictures of one's own by one command, with a verdict on each claim.

A study is a small file: rows are trainings, columns are what is read from them, claims are differences between cells.
"""

from looc_tf.studies.reproduce import reproduce
from looc_tf.studies.study import Claim, Column, Row, Study, read_study, study_names

__all__ = ["Claim", "Column", "Row", "Study", "read_study", "reproduce", "study_names"]
