from .check import (
    Totals as Totals,
    check_manifest as check_manifest,
)
from .manifest import (
    Region as Region,
    read_manifest as read_manifest,
    write_manifest as write_manifest,
)
from .preparation import (
    PARTS as PARTS,
    Parts as Parts,
    PreparationParser as PreparationParser,
    check_classes as check_classes,
    published_count_notes as published_count_notes,
    read_parts as read_parts,
    with_dev as with_dev,
    write_corpus as write_corpus,
)
from .recording import (
    CORPUS_SUFFIXES as CORPUS_SUFFIXES,
    Recording as Recording,
    check_apart as check_apart,
    check_disjoint as check_disjoint,
    check_extent as check_extent,
    clip_turns as clip_turns,
    find_files as find_files,
    find_lists as find_lists,
    hold_out as hold_out,
    listed_spans as listed_spans,
    make_recording as make_recording,
    match_files as match_files,
    only_entry as only_entry,
    speaker_spans as speaker_spans,
    split_by_lists as split_by_lists,
    without_zeros as without_zeros,
)
from .scores import (
    Scores as Scores,
    ScoreSource as ScoreSource,
    score_files as score_files,
    scored_recordings as scored_recordings,
)
from .truth import (
    RegionGains as RegionGains,
    Truth as Truth,
    annotated_time as annotated_time,
    heard_spans as heard_spans,
    heard_time as heard_time,
    load_truth as load_truth,
    read_region as read_region,
    region_targets as region_targets,
)
