from .bootstrap import (
    bootstrap_means as bootstrap_means,
    difference_interval as difference_interval,
    interval as interval,
    mean_interval as mean_interval,
)
from .decomposition import (
    Decomposition as Decomposition,
    StudentWeights as StudentWeights,
    make_decomposition as make_decomposition,
)
from .explanation import (
    Explanation as Explanation,
    ReportData as ReportData,
    explain_class as explain_class,
)
from .grounding import (
    CLOSE as CLOSE,
    Grounding as Grounding,
    Predictor as Predictor,
    frame_errors as frame_errors,
    margin as margin,
    permute_frequencies as permute_frequencies,
    predictor as predictor,
    reanalyse as reanalyse,
    reconstruction_error as reconstruction_error,
    threshold_logit as threshold_logit,
)
from .masks import (
    BELOW_TOP_HZ as BELOW_TOP_HZ,
    TOP_HZ as TOP_HZ,
    apply_mask as apply_mask,
    class_mask as class_mask,
    class_masks as class_masks,
    log_source_masks as log_source_masks,
)
from .prototypes import (
    ALL as ALL,
    CARRIED as CARRIED,
    Prototype as Prototype,
    brief as brief,
    collect_relevances as collect_relevances,
    compactness as compactness,
    prototype_document as prototype_document,
)
from .selection import (
    BANDS_HZ as BANDS_HZ,
    DEFAULT_TAU as DEFAULT_TAU,
    PAPER_ATOMS as PAPER_ATOMS,
    SELECTED as SELECTED,
    atom_rankings as atom_rankings,
    band_masks as band_masks,
    band_shares as band_shares,
    bin_hz as bin_hz,
    default_selection as default_selection,
    peak_hz as peak_hz,
    relevance as relevance,
    relevance_spectrum as relevance_spectrum,
    segment_means as segment_means,
    segment_relevance as segment_relevance,
    select_atoms as select_atoms,
)
from .words import (
    AtomTimes as AtomTimes,
    AtomWords as AtomWords,
    describe_atoms as describe_atoms,
)
