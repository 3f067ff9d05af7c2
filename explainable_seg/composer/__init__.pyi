from .augment import Augment as Augment
from .clips import read_clips as read_clips
from .composer import (
    Composer as Composer,
    Overlays as Overlays,
    overlay as overlay,
)
from .minibroadcast import (
    synthesise_clips as synthesise_clips,
    write_programmes as write_programmes,
)
from .on_air import (
    AUGMENTS as AUGMENTS,
    STYLES as STYLES,
)
from .pool import ClipPool as ClipPool
from .style import (
    SceneKind as SceneKind,
    Style as Style,
)
