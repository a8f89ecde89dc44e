"""What each method targets is what its products and its tuning say."""

import json

from pathlib import Path

from galerne.report.legend import Legend
from galerne.report.methods import DIFFUSION, GAUSSIAN, LIKELIHOODS, methods_table

from .conftest import CHOICE

KINDS = {
    "mmps": "mmps",
    "oi": "optimal_interpolation",
    "latent": "latent_4dvar",
    "letkf": "letkf",
    "last": "persistence",
}


def write(folder: Path, network: str, memory: float) -> None:
    place = folder / "world/baselines" / network / "oi"
    product = place / "reanalysis/w/members_000-003/manifest.json"
    product.parent.mkdir(parents=True)
    about = {"prior": "gaussian about the climatology", "likelihood": "that of the errors"}
    product.write_text(json.dumps({"attributes": about}))
    tried = [{"settings": {"memory": m, "modes": 9}, "error": m} for m in (1.0, 2.0)]
    tuning = {"windows": ["a", "b"], "tried": tried, "chosen": {"memory": memory, "modes": 9}}
    (place / "tuning.json").write_text(json.dumps(tuning))


def rows(folder: Path, *networks: str) -> dict[str, list[str]]:
    choices = [CHOICE | {"network": name} for name in networks]
    table = methods_table(folder, choices, Legend(KINDS))
    assert {len(row) for row in table.rows} == {len(table.header)}
    return {row[0]: row[1:] for row in table.rows}


def test_baselines_say_what_their_products_and_tuning_say(tmp_path: Path) -> None:
    write(tmp_path, "sparse", 2.0)
    found = rows(tmp_path, "sparse")
    assert found["Optimal interpolation"] == [
        "Gaussian about the climatology",
        "That of the errors",
        "2 tried on 2 validation windows; kept memory 2",
    ]
    assert found["LETKF"] == ["–", "–", "as configured; nothing to tune"]
    assert found["Persistence"][2] == "those of the analysis that persists"


def test_networks_that_kept_other_settings_are_named(tmp_path: Path) -> None:
    write(tmp_path, "sparse", 2.0)
    write(tmp_path, "half", 1.0)
    kept = rows(tmp_path, "sparse", "half")["Optimal interpolation"][2]
    assert kept == (
        "Sparse: 2 tried on 2 validation windows; kept memory 2; "
        "Half: 2 tried on 2 validation windows; kept memory 1"
    )


def test_guided_methods_target_the_diffusion_or_its_gaussian_part(tmp_path: Path) -> None:
    found = rows(tmp_path, "sparse")
    assert found["Posterior (mmps)"][0] == DIFFUSION
    assert found["Latent 4D-Var"][0] == GAUSSIAN
    assert LIKELIHOODS["latent_4dvar"] in found["Latent 4D-Var"][1]


def test_every_guidance_is_known() -> None:
    from galerne.assimilate.methods import GUIDANCE

    assert set(LIKELIHOODS) == set(GUIDANCE)
