from .drawing import (
    NO_BREAK as NO_BREAK,
    format_hz as format_hz,
    place as place,
    strongest_peaks as strongest_peaks,
)
from .figures import (
    plot_curves as plot_curves,
    plot_reliability as plot_reliability,
    save_pictures as save_pictures,
    write_prototypes as write_prototypes,
)
from .pictures import (
    plot_explanation as plot_explanation,
    render_picture as render_picture,
)
from .report import (
    ClassResult as ClassResult,
    Demo as Demo,
    render_demo as render_demo,
    render_page as render_page,
    save_explanations as save_explanations,
)
