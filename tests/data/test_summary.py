"""Amounts of a part."""

from explainable_seg.data.manifest import Region
from explainable_seg.data.summary import summarise


def test_only_annotated_time_inside_the_regions_counts(tmp_path):
    rttm, uem = tmp_path / "show.rttm", tmp_path / "show.uem"
    rttm.write_text(
        "SPEAKER show 1 0 30 <NA> <NA> speech <NA> <NA>\n"
        "SPEAKER show 1 0 2 <NA> <NA> music <NA> <NA>\n"
    )
    uem.write_text("show 1 0 5\nshow 1 20 40\n")
    regions = [
        Region(
            id=f"show-{start}",
            duration=10.0,
            wav="show.wav",
            start=start * 100,
            stop=(start + 10) * 100,
            sample_rate=100,
            recording="show",
            rttm=str(rttm),
            uems={
                "speech": str(uem),
                "music": str(uem),
                "noise": str(uem),
                "overlap": None,
            },
        )
        for start in (0, 25)
    ]
    summary = summarise(regions)
    assert (summary["files"], summary["seconds"]) == (1, 20.0)
    assert summary["hours"] == 0.0056
    assert summary["classes"] == {
        "speech": {
            "seconds": 10.0,  # 0 to 5 and 25 to 30
            "annotated_seconds": 15.0,
            "positive_rate": 0.6667,
        },
        "music": {
            "seconds": 2.0,
            "annotated_seconds": 15.0,
            "positive_rate": 0.1333,
        },
        "noise": {
            "seconds": 0.0,
            "annotated_seconds": 15.0,
            "positive_rate": 0.0,
        },
        "overlap": None,
    }
