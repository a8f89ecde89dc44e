"""What a record must be to be used: how grave each check of the audit is, and its thresholds."""

__all__ = ["Audit", "Limits", "Severities"]

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from .strict import Strict


def _word(value: object) -> object:
    return "off" if value is False else value  # what YAML makes of an unquoted off


Severity = Annotated[Literal["error", "warning", "off"], BeforeValidator(_word)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Severities(Strict):
    """Whether a finding stops the run, goes to the report, or is not looked for."""

    missing_times: Severity = Field(description="A time of the period is not in the data.")
    duplicate_times: Severity = Field(description="A time occurs twice; the first is used.")
    missing_fields: Severity = Field(description="A field without any value.")
    missing_values: Severity = Field(description="Values missing of an unmasked variable.")
    changed_mask: Severity = Field(description="Another mask of a masked variable.")
    out_of_range: Severity = Field(description="Values outside the physical range.")
    units: Severity = Field(description="Another unit or sign, by name or by the global mean.")
    orientation: Severity = Field(description="Rows upside down, or a component turned.")
    pole_values: Severity = Field(description="Several values of a scalar on a pole.")
    grid: Severity = Field(description="Rows or columns that do not cover the globe evenly.")
    hydrostatic: Severity = Field(description="Geopotential and temperature that do not fit.")
    preliminary: Severity = Field(description="ERA5T: experiment version 5.")
    seams: Severity = Field(description="A jump of the global mean or variance.")
    roughness: Severity = Field(description="Noise, or a grid thinned without smoothing.")


class Limits(Strict):
    """Thresholds of the checks that have one."""

    divergent_share: Share = Field(
        description="Most divergence in divergence and vorticity of winds (mean squares)."
    )
    fit: Share = Field(
        description="Least correlation of winds and geostrophic winds, and of vorticities."
    )
    contrast_pa: float = Field(
        gt=0, description="Most excess of sea level pressure in the south over 10 days [Pa]."
    )
    pole_spread: float = Field(
        gt=0, description="Most range of a row on a pole, in standard deviations of the field."
    )
    thickness_error: float = Field(
        gt=0, description="Most difference of layer temperatures (root mean square) [K]."
    )
    roughness: Share = Field(description="Most of one minus the correlation of neighbours.")
    seam_days: float = Field(gt=0, le=60, description="Days on either side of a jump.")
    seam_false_alarms: Share = Field(description="Probability of a false jump in a period.")


class Audit(Strict):
    """The audit of every period of every dataset."""

    severity: Severities
    limits: Limits
