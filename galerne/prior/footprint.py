r"""What a member takes in memory while it is drawn.

The sum of four parts, each a count of numbers in single precision times how many of them live
at once, which was counted on a CPU and rounded up (a test counts again):

* latents of its trajectory: the walk, vectors of the solve, and their Fourier transforms;
* decoded fields, of as many states as are decoded at once;
* values that instruments see, with their weights and products;
* features of the network, of as many windows as it sees at once; of all windows, and of every
  layer, where a method differentiates it. So too for the decoder.

What members share (weights, the preconditioner) is in memory before and no part of it.
"""

__all__ = ["WHOLE", "member_bytes"]

from collections.abc import Mapping

from ..latent.autoencoder import Autoencoder
from .composition import CHUNK, LongDenoiser
from .denoiser import WindowDenoiser

WHOLE = 2**26  # most numbers of decoded fields at a time
LATENTS, FIELDS, VALUES = 24, 4, 12  # that live at once
LOCAL = 6  # more latents, and weights of windows, where the prior has a local part
WIDTHS = 12  # of a block of the network, or of the decoder, in hidden channels
SEEN = 8  # places that an observation sees
GRAPH = 2  # times of a graph that is differentiated twice


def member_bytes(
    prior: WindowDenoiser | LongDenoiser,
    autoencoder: Autoencoder,
    observations: int = 0,
    *,
    guidance: str = "",
    covariance: str = "",
    linearisation: str = "",
    local: Mapping[str, float] | None = None,
    **settings: object,
) -> int:
    """Estimates what a member takes while it is drawn [bytes], of a device in single precision.

    Arguments:
        prior: The prior over windows, or trajectories.
        autoencoder: The decoder.
        observations: How many there are in the window.
        guidance: The method, if there are observations.
        covariance: That of the method, if it has a choice.
        linearisation: Likewise.
        local: The local part of the prior, if it has one.
        settings: The method's others, which make no difference.
    """
    closed = guidance.startswith("mmps") and covariance == "gaussian"
    alone = ("jfps", "diffpir", "mmps_gaussian", "latent_3dvar", "latent_4dvar")
    through_network = observations > 0 and not closed and guidance not in alone
    through_decoder = observations > 0 and linearisation != "linear"
    states, channels, rows, columns = prior.gaussian.shape
    decoder = autoencoder.decoder
    field = len(autoencoder.residual) * rows * columns
    layers = 0 if decoder is None else len(decoder)
    hidden = decoder[0].out_channels * rows * columns * WIDTHS if layers else 0
    whole = states if through_decoder else min(states, max(WHOLE // field, 1))
    count = LATENTS * states * channels * rows * columns + VALUES * SEEN * observations
    count += FIELDS * whole * field
    if observations and local is not None:
        kept = len(getattr(prior, "window", prior).gaussian.windows)
        kept *= 3 if local.get("turned_share") else 1
        count += LOCAL * (states * channels + kept) * rows * columns
    count += whole * hidden * (GRAPH * layers if through_decoder else 1)
    return 4 * (count + _network(prior, through_network))


def _network(prior: WindowDenoiser | LongDenoiser, differentiated: bool) -> int:
    """Numbers that the network takes for the windows of a member."""
    network = getattr(prior, "window", prior).backbone
    if network is None:
        return 0
    windows, blocks = len(prior.starts), len(network.transformer.blocks)
    block = len(network.positions) * network.transformer.in_proj.out_features * WIDTHS
    return block * (windows * blocks if differentiated else min(windows, CHUNK))
