from .candidates import ClassRules as ClassRules
from .comparison import (
    AREAS as AREAS,
    EQUAL as EQUAL,
    JUDGED as JUDGED,
    ONES as ONES,
    OWN as OWN,
    ZEROS as ZEROS,
    Comparison as Comparison,
    Passage as Passage,
    oracle_mask as oracle_mask,
    read_reference as read_reference,
    si_sdr as si_sdr,
)
from .curves import (
    MACRO as MACRO,
    f1_differences as f1_differences,
    f1_intervals as f1_intervals,
)
from .detection import (
    ScoredTruth as ScoredTruth,
    evaluate as evaluate,
    format_table as format_table,
    read_scored_truth as read_scored_truth,
    score as score,
)
from .faithfulness import (
    MEASURES as MEASURES,
    HeardFrames as HeardFrames,
    Measure as Measure,
    control_masks as control_masks,
    randomised_student as randomised_student,
)
from .part import (
    BY_CODE as BY_CODE,
    BY_H as BY_H,
    HALF as HALF,
    TUNED as TUNED,
    LoadedModel as LoadedModel,
    evaluate_part as evaluate_part,
    score_regions as score_regions,
)
from .representation import (
    AgreementStats as AgreementStats,
    ReconstructionStats as ReconstructionStats,
    RepresentationStats as RepresentationStats,
    class_examples as class_examples,
)
from .thresholds import (
    ThresholdChoice as ThresholdChoice,
    ThresholdSweep as ThresholdSweep,
)
from .tuning import (
    ClassTuning as ClassTuning,
    Tuning as Tuning,
    format_tuning as format_tuning,
    tune as tune,
    tuned_card as tuned_card,
)
