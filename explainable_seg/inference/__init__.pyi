from .batch import (
    Progress as Progress,
    segment_files as segment_files,
)
from .live import (
    LiveFrames as LiveFrames,
    LiveSegmenter as LiveSegmenter,
)
from .loading import DEFAULT_MODEL as DEFAULT_MODEL
from .output_folder import (
    OutputFolder as OutputFolder,
    run_settings as run_settings,
)
from .pipeline import (
    CODE_SWEEPS as CODE_SWEEPS,
    Analysis as Analysis,
    check_logits as check_logits,
    check_span as check_span,
    run_model as run_model,
)
from .ray_engine import segment_files_on_ray as segment_files_on_ray
from .results import (
    ResultRow as ResultRow,
    check_output_folder as check_output_folder,
    locked_folder as locked_folder,
)
from .segmenter import ExplainableSegmenter as ExplainableSegmenter
from .sources import (
    Job as Job,
    Share as Share,
    find_jobs as find_jobs,
    recording_file as recording_file,
)
