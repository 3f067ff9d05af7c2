from .classes import CLASSES as CLASSES
from .decisions.segmentation import Segmentation as Segmentation
from .explanation.explanation import Explanation as Explanation
from .inference.segmenter import ExplainableSegmenter as ExplainableSegmenter

__version__: str
