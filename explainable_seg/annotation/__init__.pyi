from .bmat import (
    BMAT_LABELS as BMAT_LABELS,
    read_bmat_csv as read_bmat_csv,
    read_bmat_json as read_bmat_json,
    read_bmat_tsv as read_bmat_tsv,
)
from .fields import (
    blanks_replaced as blanks_replaced,
    composed as composed,
    quoted as quoted,
    read_folder as read_folder,
    read_list as read_list,
    rounded_rows as rounded_rows,
    speaker_lines as speaker_lines,
    uri_of as uri_of,
    without_audio_suffix as without_audio_suffix,
    writable_field as writable_field,
)
from .rttm import (
    read_lab as read_lab,
    read_mdtm as read_mdtm,
    read_rttm as read_rttm,
    read_uem as read_uem,
    write_rttm as write_rttm,
    write_uem as write_uem,
)
from .transcription import transcription_spans as transcription_spans
from .trs import (
    read_trs as read_trs,
    write_trs as write_trs,
)
from .turns import (
    CLASS_LABELS as CLASS_LABELS,
    ClassMapping as ClassMapping,
    class_annotation as class_annotation,
    class_spans as class_spans,
    common_time as common_time,
    label_mapping as label_mapping,
    overlap_timeline as overlap_timeline,
    time_without as time_without,
    vote as vote,
)
