from .formats import (
    WRITERS as WRITERS,
    Writer as Writer,
    write_segmentation_rttm as write_segmentation_rttm,
)
from .rules import (
    ALL as ALL,
    BOUNDS as BOUNDS,
    DecisionOptions as DecisionOptions,
    Rules as Rules,
    make_rules as make_rules,
)
from .segmentation import (
    Segment as Segment,
    Segmentation as Segmentation,
    active_frames as active_frames,
    decide as decide,
    drop_short as drop_short,
    fill_pauses as fill_pauses,
)
