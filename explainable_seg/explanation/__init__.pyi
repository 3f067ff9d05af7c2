from .atoms import (
    BANDS_HZ as BANDS_HZ,
    DEFAULT_TAU as DEFAULT_TAU,
    SELECTED as SELECTED,
    atom_rankings as atom_rankings,
    band_masks as band_masks,
    band_shares as band_shares,
    bin_hz as bin_hz,
    peak_hz as peak_hz,
    relevance as relevance,
    relevance_spectrum as relevance_spectrum,
    segment_means as segment_means,
    segment_relevance as segment_relevance,
    select_atoms as select_atoms,
)
from .bootstrap import (
    difference_interval as difference_interval,
    interval as interval,
    mean_interval as mean_interval,
    resample as resample,
)
from .explanation import (
    Explanation as Explanation,
    Findings as Findings,
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
    apply_mask as apply_mask,
    class_mask as class_mask,
    class_masks as class_masks,
)
from .prototypes import (
    ALL as ALL,
    CARRIED as CARRIED,
    Prototype as Prototype,
    brief as brief,
    collect as collect,
    compactness as compactness,
    prototype_document as prototype_document,
)
from .reading import (
    Reading as Reading,
    StudentWeights as StudentWeights,
    make_reading as make_reading,
)
