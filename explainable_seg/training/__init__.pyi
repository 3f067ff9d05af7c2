from .brain import (
    Batch as Batch,
    Epoch as Epoch,
    Hparams as Hparams,
    NetworkBrain as NetworkBrain,
    RecipeBrain as RecipeBrain,
    StudentBase as StudentBase,
)
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
from .distillation import (
    Dictionary as Dictionary,
    DictionaryLearner as DictionaryLearner,
    Lessons as Lessons,
    cached_student as cached_student,
    load_dictionary as load_dictionary,
    load_student as load_student,
    load_teacher as load_teacher,
    save_dictionary as save_dictionary,
    share_front_end as share_front_end,
)
from .feature_cache import FeatureCache as FeatureCache
from .loop import (
    keep_state as keep_state,
    log_settings as log_settings,
    log_update as log_update,
    read_parts as read_parts,
    training_loader as training_loader,
    validation_loader as validation_loader,
)
from .losses import (
    label_loss as label_loss,
    student_losses as student_losses,
)
from .run import (
    Command as Command,
    load_hparams as load_hparams,
    run_recipe as run_recipe,
    run_stage as run_stage,
    start as start,
)
from .settings import SettingsFile as SettingsFile
from .stems import (
    MixedChunks as MixedChunks,
    mask_error as mask_error,
    mix_stems as mix_stems,
)
from .training_set import choose_classes as choose_classes
