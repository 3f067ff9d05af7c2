from .clips import (
    ClipPool as ClipPool,
    read_clips as read_clips,
)
from .composer import (
    Augment as Augment,
    Composer as Composer,
    Overlays as Overlays,
    overlay as overlay,
)
from .minibroadcast import (
    synthesise_clips as synthesise_clips,
    write_programmes as write_programmes,
)
from .style import (
    SceneKind as SceneKind,
    Style as Style,
)
