"""What the verbs of the program return: a dataclass for each, made from the JSON schemas that the
program prints, with the meaning of every field. `to_dict` gives the JSON back, and `to_frame` a
data frame of a list where pandas is there."""

from ._results import *  # noqa: F403
from ._results import OF_VERB as OF_VERB
from .records import Record as Record
