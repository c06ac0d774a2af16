"""Text generation with Wolfgang-LM and other small language models.

:class:`WolfgangGenerator` is the class of the original Python implementation, without torch.
:class:`Model` has everything else: results with ids and log-probabilities, streams, batches, scores,
sessions, conversations and asynchronous calls.

    >>> import wolfgang
    >>> model = wolfgang.Model.load("faust")
    >>> print(model.generate("Habe nun, ach!", max_new_tokens=40, seed=1))  # doctest: +SKIP
"""

from . import errors
from ._config import ModelConfig
from ._model import Model
from ._original import WolfgangGenerator
from ._prompt import Prompt
from ._result import ContinuationScore, Piece, Result, Score, Timing, TokenLogprobs
from ._session import Conversation, Session
from ._stream import AsyncTextStream, TextStream
from ._tokenizer import Encoding, Tokenizer
from ._wolfgang import __version__
from .errors import *

__all__ = [
    "AsyncTextStream",
    "ContinuationScore",
    "Conversation",
    "Encoding",
    "Model",
    "ModelConfig",
    "Piece",
    "Prompt",
    "Result",
    "Score",
    "Session",
    "TextStream",
    "Timing",
    "TokenLogprobs",
    "Tokenizer",
    "WolfgangGenerator",
    "__version__",
    "errors",
]
__all__ += errors.__all__
