"""Sites of a network, by script."""

import pandas as pd

from workflow.scripts.place_instruments import place_instruments

NETWORK = {
    "land": {"sites": {"count": 10, "file": None}, "variables": ["x"]},
    "sonde": {"sites": {"count": 2, "file": "f"}, "variables": ["x"]},
}


def test_each_instrument_has_its_sites_and_a_share_is_withheld(tmp_path) -> None:
    (tmp_path / "f.csv").write_text("station,lat,lon,elevation\na,1,2,7\nb,3,4,7\nc,-50,200,7\n")
    files = {"sonde": str(tmp_path / "f.csv")}
    for name in ("one", "two"):
        place_instruments(
            tmp_path / name, instruments=NETWORK, files=files, withheld_share=0.2, seed=1
        )
    sites = pd.read_csv(tmp_path / "one")
    assert sites.groupby("platform").size().to_dict() == {"land": 10, "sonde": 2}
    assert sites.groupby("platform")["withheld"].sum().to_dict() == {"land": 2, "sonde": 0}
    assert sites.groupby("platform")["elevation"].mean().dropna().to_dict() == {"sonde": 7}
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_network_without_sites_leaves_an_empty_table(tmp_path) -> None:
    place_instruments(
        tmp_path / "sites.csv",
        instruments={},
        files={},
        withheld_share=0.2,
        seed=1,
    )
    assert (tmp_path / "sites.csv").read_text() == "platform,station,lat,lon,elevation,withheld\n"
