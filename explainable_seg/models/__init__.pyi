from .config import longest_step as longest_step
from .hub import (
    CARD as CARD,
    FILES as FILES,
    card_for_hub as card_for_hub,
    find_folder as find_folder,
    push_folder as push_folder,
)
from .pretrained import (
    SPEECHBRAIN_FILES as SPEECHBRAIN_FILES,
    load_pretrained as load_pretrained,
    read_card as read_card,
    save_pretrained as save_pretrained,
    write_speechbrain_files as write_speechbrain_files,
)
from .runner import (
    BATCH_SIZE as BATCH_SIZE,
    Evidence as Evidence,
    Outputs as Outputs,
    Runner as Runner,
    choose_device as choose_device,
    choose_precision as choose_precision,
    joined as joined,
)
from .student import (
    Student as Student,
    StudentOutput as StudentOutput,
    Teacher as Teacher,
    build_model as build_model,
    check_atoms_per_class as check_atoms_per_class,
)
from .tcn import TCN as TCN
