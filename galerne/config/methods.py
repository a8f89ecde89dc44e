"""Methods of guidance: one class for each, told apart by ``guidance``.

Defaults live in ``config/default.yaml`` alone: no model gives one.
"""

__all__ = ["REFERENCES", "Integrator", "Method", "Sampler"]

from typing import Annotated, Literal

from pydantic import Field, model_validator

from .strict import Strict

# Guidance of baselines that have the models of what they are compared with: all but the network.
REFERENCES = ("mmps_gaussian", "latent_3dvar", "latent_4dvar")
Integrator = Annotated[
    Literal["ddim", "ddpm", "heun", "zab", "xeab"],
    Field(description="How noise is taken away (azula)."),
]
Sampler = Annotated[
    Literal["redraw", "ddim", "ddpm", "heun", "pc", "zab", "xeab"],
    Field(description="How noise is taken away; redraw is exact where all is Gaussian."),
]
Solver = Annotated[Literal["gmres", "cg"], Field(description="Linear solver of the guidance.")]
Iterations = Annotated[int, Field(ge=1, le=64, description="Iterations of the solver.")]
Steps = Annotated[int, Field(ge=1, le=1024, description="Sampling steps.")]


class Analogs(Strict):
    """How windows count at a place by resembling a first guess there."""

    sharpness: float = Field(
        gt=0, le=100, description="How steeply: a window counts for exp(-sharpness * distance)."
    )
    length_km: float = Field(
        gt=0, description="Distance from which on places have no part in the resemblance."
    )


class Local(Strict):
    """The part of the prior that knows places: a localised covariance of training windows."""

    share: float = Field(gt=0, lt=1, description="Its share of the variance.")
    length_km: float = Field(
        gt=0, description="Distance from which places have nothing to do with each other."
    )
    season_days: float | None = Field(
        gt=0,
        description="Distance in the year from which on windows do not count; null: all do alike.",
    )
    inflation: float = Field(
        gt=0, description="What the variance of both this part and the rest is multiplied by."
    )
    turned_share: float = Field(
        ge=0,
        lt=1,
        description="How much, of one, windows turned by a patch either way count; 0: none are, "
        "and products take a third of the time.",
    )
    analogs: Analogs | None = Field(
        description="How windows count at a place by resembling a first guess; null: they do not."
    )


class MomentMatching(Strict):
    """MMPS with warm starts, the default."""

    guidance: Literal["mmps"]
    covariance: Literal["gaussian", "jacobian"] = Field(
        description="Covariance given a noisy state: of the prior's Gaussian, or Tweedie's."
    )
    linearisation: Literal["exact", "linear"] = Field(
        description="Of the decoder: its exact derivative, or its linear part."
    )
    sampler: Sampler
    steps: Steps
    solver: Solver
    iterations: Iterations
    modes: int = Field(
        ge=0, le=8192, description="Leading eigenvectors of the prior that precondition cg."
    )
    placement: Literal["even", "posterior"] = Field(
        description="Of noise levels: even in their logarithm, or where the posterior changes."
    )
    probes: int = Field(
        ge=0,
        le=512,
        description="Probes of how the covariance jacobian changes with the noisy state; 0 holds "
        "it fixed, as many as observations make it exact.",
    )
    corrections: int = Field(ge=0, le=64, description="Corrections before every step of pc.")
    delta: float = Field(gt=0, le=1, description="Size of a correction.")
    background_check: Annotated[float, Field(ge=2)] | None = Field(
        description="Departure from what the other observations bear out, in standard deviations, "
        "from which on an observation is rejected; null: none is."
    )
    local: Local | None = Field(
        description="A local part of the prior, from the windows that priors.*.gaussian.windows "
        "keeps; null: none."
    )

    @model_validator(mode="after")
    def _fits(self) -> "MomentMatching":
        if self.sampler == "redraw" and self.covariance != "gaussian":
            raise ValueError("sampler redraw needs covariance gaussian")
        if self.modes and (self.solver, self.covariance) != ("cg", "gaussian"):
            raise ValueError("modes precondition solver cg with covariance gaussian only: set 0")
        if self.placement == "posterior" and (self.sampler != "redraw" or not self.modes):
            raise ValueError("placement posterior needs sampler redraw and modes: set even")
        if self.probes and self.covariance != "jacobian":
            raise ValueError("probes are of covariance jacobian: set 0")
        if self.background_check and not self.modes:
            raise ValueError("background_check needs modes: set null")
        if self.local and self.sampler != "redraw":
            raise ValueError("a local part needs sampler redraw: set local null")
        if self.corrections and self.sampler != "pc":
            raise ValueError("corrections are of sampler pc: set 0")
        return self


class PublishedMomentMatching(Strict):
    """MMPS as published: Tweedie's covariance, each solve from zero, predictor and corrector."""

    guidance: Literal["mmps_published"]
    sampler: Literal["pc"] = Field(description="Predictor of ddim, corrector of Langevin (azula).")
    steps: Steps
    corrections: int = Field(ge=0, le=64, description="Corrections before every step.")
    delta: float = Field(gt=0, le=1, description="Size of a correction.")
    solver: Solver
    iterations: Iterations


class TweedieMoments(Strict):
    """TMPD: the covariance of what is observed by its row sums."""

    guidance: Literal["tmpd"]
    sampler: Integrator
    steps: Steps


class JacobianFree(Strict):
    """JFPS: the covariance of the prior's Gaussian, each solve from zero."""

    guidance: Literal["jfps"]
    sampler: Integrator
    steps: Steps
    solver: Solver
    iterations: Iterations


class PlugAndPlay(Strict):
    """DiffPIR: the window nearest both to the mean and to the observations."""

    guidance: Literal["diffpir"]
    sampler: Integrator
    steps: Steps
    lmbda: float = Field(gt=0, description="Strength of the prior against the observations.")
    solver: Solver
    iterations: Iterations


class PseudoInverse(Strict):
    """PGDM with noise: an isotropic covariance of clean states."""

    guidance: Literal["pgdm"]
    sampler: Integrator
    steps: Steps
    iterations: Iterations


class ScoreBased(Strict):
    """SDA: an error of observations that grows with the noise."""

    guidance: Literal["sda"]
    sampler: Integrator
    steps: Steps
    gamma: float = Field(
        gt=0, description="Variance added to an observation, as a share of the noise's."
    )


class PosteriorGradient(Strict):
    """DPS: a step down the misfit after each step of the sampler."""

    guidance: Literal["dps"]
    sampler: Literal["ddim"] = Field(description="Integrator whose step it follows.")
    steps: Steps
    zeta: float = Field(gt=0, description="Length of the step.")


class GaussianMomentMatching(MomentMatching):
    """MMPS with the Gaussian part of the prior alone, without the network."""

    guidance: Literal["mmps_gaussian"]


class Latent3DVar(Strict):
    """Latent 3D-Var: the Gaussian part of the prior, states apart, through the decoder."""

    guidance: Literal["latent_3dvar"]
    sampler: Literal["redraw"] = Field(description="Draws once, at infinite noise.")
    steps: Literal[1] = Field(description="Sampling steps.")
    linearisation: Literal["exact", "linear"] = Field(
        description="Of the decoder: its exact derivative, or its linear part."
    )
    outer: int = Field(ge=1, le=20, description="Gauss-Newton steps.")
    iterations: Iterations
    modes: int = Field(
        ge=0, le=8192, description="Leading eigenvectors of the prior that precondition."
    )


class Latent4DVar(Latent3DVar):
    """Latent 4D-Var: the Gaussian part of the prior, whole windows, through the decoder."""

    guidance: Literal["latent_4dvar"]


Method = Annotated[
    MomentMatching
    | PublishedMomentMatching
    | TweedieMoments
    | JacobianFree
    | PlugAndPlay
    | PseudoInverse
    | ScoreBased
    | PosteriorGradient
    | GaussianMomentMatching
    | Latent3DVar
    | Latent4DVar,
    Field(discriminator="guidance"),
]
