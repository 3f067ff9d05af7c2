from .cache_filling import (
    ShardMaker as ShardMaker,
    fill as fill,
)
from .chunks import (
    Chunk as Chunk,
    EpochSampler as EpochSampler,
    TrainingChunks as TrainingChunks,
    WholeRegions as WholeRegions,
)
from .dictionary import (
    DictionaryLearner as DictionaryLearner,
    load_dictionary as load_dictionary,
    save_dictionary as save_dictionary,
)
from .export import (
    diverging_is_told as diverging_is_told,
    export_and_score as export_and_score,
    require_sound as require_sound,
    signs_of_collapse as signs_of_collapse,
)
from .feature_cache import FeatureCache as FeatureCache
from .loading import (
    RandomState as RandomState,
    fit_schedule as fit_schedule,
    load_state as load_state,
    n_updates as n_updates,
    save_state as save_state,
    training_loader as training_loader,
    validation_loader as validation_loader,
    warn_of_patience as warn_of_patience,
)
from .losses import (
    label_loss as label_loss,
    student_losses as student_losses,
)
from .progress import (
    log_epoch as log_epoch,
    log_settings as log_settings,
    log_update as log_update,
)
from .run import (
    load_hparams as load_hparams,
    read_command as read_command,
    run_folder as run_folder,
    run_recipe as run_recipe,
    run_stage as run_stage,
)
from .teacher import (
    cached_student as cached_student,
    load_teacher as load_teacher,
    share_front_end as share_front_end,
    warm_start as warm_start,
)
from .thresholds import (
    ThresholdSweep as ThresholdSweep,
    choose_classes as choose_classes,
    warn_of_silent_classes as warn_of_silent_classes,
)
